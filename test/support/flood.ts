/**
 * Sends packets as fast as the machine can, in a process of its own:
 *
 *     bun test/support/flood.ts INTERFACE COUNT [PACKETS_PER_SECOND] < frames
 *
 * Standard input holds the frames to send in turn, each after its length as a 32-bit little-endian
 * number. They leave through an AF_PACKET socket in the namespace of the process, 64 a system call.
 * Prints one line: packets sent and seconds taken.
 */

import { readFileSync } from "node:fs";
import { FrameList, PacketSocket } from "./packet-socket.ts";

const BATCH = 64;

/** The form in which frames are given to this program. */
export function packFrames(frames: readonly Uint8Array[]): Uint8Array {
  const packed = new Uint8Array(frames.reduce((sum, frame) => sum + 4 + frame.length, 0));
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const frame of frames) {
    view.setUint32(at, frame.length, true);
    packed.set(frame, at + 4);
    at += 4 + frame.length;
  }
  return packed;
}

function unpackFrames(packed: Uint8Array): FrameList {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const places: [number, number][] = [];
  for (let at = 0; at < packed.length;) {
    const length = view.getUint32(at, true);
    places.push([at + 4, length]);
    at += 4 + length;
  }
  return new FrameList(packed, places);
}

function flood(name: string, total: number, perSecond: number): void {
  const list = unpackFrames(new Uint8Array(readFileSync(0)));
  using socket = new PacketSocket(name);
  const start = performance.now();
  let sent = 0;
  let refused = 0;
  while (sent < total) {
    const at = sent % list.count;
    const done = socket.sendList(list, at, Math.min(BATCH, list.count - at, total - sent));
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
