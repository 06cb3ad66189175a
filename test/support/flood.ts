/**
 * Sends packets as fast as the machine can, in a process of its own:
 *
 *     bun test/support/flood.ts INTERFACE COUNT [PACKETS_PER_SECOND] < frames
 *
 * Standard input holds the frames to send in turn, each after its length as a 32-bit little-endian
 * number. They leave through an AF_PACKET socket in the namespace of the process, 64 a system call.
 * Prints one line: packets sent and seconds taken.
 */

import { dlopen, ptr } from "bun:ffi";
import { readFileSync } from "node:fs";

/** sys/socket.h, linux/if_packet.h */
const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOL_PACKET = 263;
const PACKET_QDISC_BYPASS = 20;

/** `struct mmsghdr`: a `struct msghdr` of 56 bytes, `unsigned int msg_len` and padding */
const MMSGHDR_BYTES = 64;
const BATCH = 64;

const { symbols: libc } = dlopen("libc.so.6", {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  if_nametoindex: { args: ["ptr"], returns: "u32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  sendmmsg: { args: ["i32", "ptr", "u32", "i32"], returns: "i32" },
});

/** The form in which frames are given to this program. */
export function packFrames(frames: readonly Uint8Array[]): Uint8Array {
  const packed = new Uint8Array(frames.reduce((sum, frame) => sum + 4 + frame.length, 0));
  let at = 0;
  for (const frame of frames) {
    new DataView(packed.buffer).setUint32(at, frame.length, true);
    packed.set(frame, at + 4);
    at += 4 + frame.length;
  }
  return packed;
}

function openSocket(name: string): number {
  const fd = libc.socket(AF_PACKET, SOCK_RAW, 0);
  const index = libc.if_nametoindex(new TextEncoder().encode(`${name}\0`));
  // struct sockaddr_ll { u16 family; be16 protocol; int ifindex; u16 hatype; u8 pkttype, halen, addr[8]; }
  const address = new Uint8Array(20);
  new DataView(address.buffer).setUint16(0, AF_PACKET, true);
  new DataView(address.buffer).setInt32(4, index, true);
  if (fd < 0 || index === 0 || libc.bind(fd, address, address.length) !== 0) {
    throw new Error(`Cannot send on ${name}: it does not exist or this is not root`);
  }
  libc.setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, new Int32Array([1]), 4);
  return fd;
}

/** One `mmsghdr` a frame, each with an `iovec` of its own. */
function messagesFor(packed: Uint8Array): { messages: BigUint64Array; count: number } {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const base = BigInt(ptr(packed));
  const vectors: bigint[] = [];
  for (let at = 0; at < packed.length;) {
    const length = view.getUint32(at, true);
    vectors.push(base + BigInt(at) + 4n, BigInt(length));
    at += 4 + length;
  }
  const iovecs = BigUint64Array.from(vectors);
  keep.push(iovecs);
  const count = vectors.length / 2;
  const words = MMSGHDR_BYTES / 8;
  const messages = new BigUint64Array(count * words);
  for (let i = 0; i < count; i++) {
    messages[i * words + 2] = BigInt(ptr(iovecs)) + BigInt(i * 16); // msg_iov
    messages[i * words + 3] = 1n; // msg_iovlen
  }
  return { messages, count };
}

/** Memory that C points into. */
const keep: unknown[] = [];

function flood(name: string, total: number, perSecond: number): void {
  const packed = new Uint8Array(readFileSync(0));
  const { messages, count } = messagesFor(packed);
  const fd = openSocket(name);
  const first = BigInt(ptr(messages));
  const start = performance.now();
  let sent = 0;
  let refused = 0;
  while (sent < total) {
    const at = sent % count;
    const batch = Math.min(BATCH, count - at, total - sent);
    const done = libc.sendmmsg(fd, Number(first) + at * MMSGHDR_BYTES, batch, 0);
    if (done > 0) sent += done;
    else if (++refused > 1e6) throw new Error(`Cannot send on ${name}: the kernel refuses`);
    while (sent / perSecond > (performance.now() - start) / 1000) continue;
  }
  console.log(JSON.stringify({ sent, seconds: (performance.now() - start) / 1000 }));
}

if (import.meta.main) {
  const [name = "", total = "0", perSecond = "Infinity"] = process.argv.slice(2);
  flood(name, Number(total), Number(perSecond));
}
