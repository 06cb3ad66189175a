/** A socket that puts whole Ethernet frames on the wire of the calling thread's namespace, and hears them. */

import { dlopen, ptr } from "bun:ffi";

/** sys/socket.h, linux/if_packet.h, linux/if_ether.h */
const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_ATTACH_FILTER = 26;
const SOL_PACKET = 263;
const PACKET_QDISC_BYPASS = 20;
const ETH_P_IP = 0x0800;
const MSG_DONTWAIT = 0x40;

/** `struct mmsghdr`: a `struct msghdr` of 56 bytes, `unsigned int msg_len` and padding */
const MMSGHDR_WORDS = 64 / 8;

/** Room for a batch of the largest frames on its way; the default holds only some 200 small ones. */
const SEND_BUFFER_BYTES = 4 << 20;

function open() {
  return dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
    if_nametoindex: { args: ["ptr"], returns: "u32" },
    setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
    send: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
    recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
    sendmmsg: { args: ["i32", "ptr", "u32", "i32"], returns: "i32" },
  }).symbols;
}

let opened: ReturnType<typeof open> | undefined;

function libc(): ReturnType<typeof open> {
  opened ??= open();
  return opened;
}

/** Frames in one piece of memory, described once for `sendmmsg`; the bytes may change between two sends. */
export class FrameList {
  readonly count: number;
  readonly #first: number;
  /** Memory that C points into; this field keeps it alive. */
  readonly memory: readonly (Uint8Array | BigUint64Array)[];

  /** `places` are the offset and the length of each frame in `memory`. */
  constructor(memory: Uint8Array, places: readonly (readonly [at: number, length: number])[]) {
    const base = BigInt(ptr(memory));
    const iovecs = BigUint64Array.from(
      places.flatMap(([at, length]) => [base + BigInt(at), BigInt(length)]),
    );
    const messages = new BigUint64Array(places.length * MMSGHDR_WORDS);
    for (let i = 0; i < places.length; i++) {
      messages[i * MMSGHDR_WORDS + 2] = BigInt(ptr(iovecs)) + BigInt(i * 16); // msg_iov
      messages[i * MMSGHDR_WORDS + 3] = 1n; // msg_iovlen
    }
    this.count = places.length;
    this.memory = [memory, iovecs, messages];
    this.#first = ptr(messages);
  }

  /** Address of the `struct mmsghdr` of frame `i`. */
  at(i: number): number {
    return this.#first + i * MMSGHDR_WORDS * 8;
  }
}

export class PacketSocket implements Disposable {
  readonly #fd: number;
  readonly #name: string;
  readonly #buffer = new Uint8Array(2048);

  /** Sends on an interface; hears nothing, unless `listen` is called. Needs root. */
  constructor(name: string) {
    this.#name = name;
    this.#fd = libc().socket(AF_PACKET, SOCK_RAW, 0);
    this.#bind(0);
    this.#set(SOL_PACKET, PACKET_QDISC_BYPASS, new Int32Array([1]));
    this.#set(SOL_SOCKET, SO_SNDBUF, new Int32Array([SEND_BUFFER_BYTES]));
  }

  /** protocol 0 hears nothing */
  #bind(protocol: number): void {
    const index = libc().if_nametoindex(new TextEncoder().encode(`${this.#name}\0`));
    // struct sockaddr_ll { u16 family; be16 protocol; int ifindex; u16 hatype; u8 pkttype, halen, addr[8]; }
    const address = new DataView(new ArrayBuffer(20));
    address.setUint16(0, AF_PACKET, true);
    address.setUint16(2, protocol);
    address.setInt32(4, index, true);
    const bytes = new Uint8Array(address.buffer);
    if (this.#fd < 0 || index === 0 || libc().bind(this.#fd, bytes, bytes.length) !== 0) {
      throw new Error(`Cannot send on ${this.#name}: it does not exist or this is not root`);
    }
  }

  #set(level: number, option: number, value: NodeJS.TypedArray): boolean {
    return libc().setsockopt(this.#fd, level, option, value, value.byteLength) === 0;
  }

  /** Hears IPv4 frames that pass a classic BPF program: instructions as [code, jt, jf, k]. */
  listen(program: readonly (readonly [number, number, number, number])[]): void {
    const code = new DataView(new ArrayBuffer(program.length * 8));
    program.forEach(([op, jt, jf, k], i) => {
      code.setUint16(i * 8, op, true);
      code.setUint8(i * 8 + 2, jt);
      code.setUint8(i * 8 + 3, jf);
      code.setUint32(i * 8 + 4, k, true);
    });
    const bytes = new Uint8Array(code.buffer);
    // struct sock_fprog { unsigned short len; struct sock_filter *filter; }
    const fprog = new BigUint64Array([BigInt(program.length), BigInt(ptr(bytes))]);
    if (!this.#set(SOL_SOCKET, SO_ATTACH_FILTER, fprog)) {
      throw new Error(`Cannot listen on ${this.#name}: the kernel refuses the filter`);
    }
    this.#bind(ETH_P_IP);
  }

  /** Sends one frame; false when the kernel refused it. */
  send(frame: Uint8Array): boolean {
    return libc().send(this.#fd, frame, frame.length, 0) === frame.length;
  }

  /**
   * Sends frames `from` … `from + count - 1` of a list in one system call. Returns how many were
   * sent.
   */
  sendList(list: FrameList, from: number, count: number): number {
    return libc().sendmmsg(this.#fd, list.at(from), count, 0);
  }

  /** A frame that has arrived, or undefined; valid until the next call. */
  receive(): Uint8Array | undefined {
    const length = libc().recv(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT);
    return length > 0 ? this.#buffer.subarray(0, length) : undefined;
  }

  [Symbol.dispose](): void {
    libc().close(this.#fd);
  }
}
