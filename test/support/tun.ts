/**
 * Interfaces with the test at the other end: of any link-layer type, like those of a kernel driver.
 */

import { closeSync, openSync, writeSync } from "node:fs";
import { libc } from "../../src/native/libc.ts";
import { concat } from "./frames.ts";
import { run } from "./programs.ts";

/** linux/if_tun.h */
const TUNSETIFF = 0x400454ca;
const TUNSETLINK = 0x400454cd;
const IFF_TUN = 1;

/** linux/if_arp.h */
export const Arphrd = { ppp: 512, cisco: 513 } as const;

/** `struct ifreq`: the name, then a union of 24 bytes with `short ifr_flags` in it */
const IFREQ_BYTES = 40;
const IFNAMSIZ = 16;

export class Tun implements Disposable {
  readonly #fd: number;

  /** In the network namespace of the calling thread; up when this returns. Goes with `dispose`. */
  constructor(name: string, arphrd: number) {
    this.#fd = openSync("/dev/net/tun", "r+");
    const request = Buffer.alloc(IFREQ_BYTES);
    request.write(name);
    request.writeUInt16LE(IFF_TUN, IFNAMSIZ);
    this.#control("TUNSETIFF", TUNSETIFF, request);
    // The type itself takes the place of the usual pointer to it.
    this.#control("TUNSETLINK", TUNSETLINK, BigInt(arphrd));
    run(["ip", "link", "set", name, "up"]);
  }

  /** Lets a frame come in. `etherType` is the driver's value for the kernel. */
  receive(etherType: number, frame: Uint8Array): void {
    // `struct tun_pi { u16 flags; be16 proto; }`
    writeSync(this.#fd, concat(Uint8Array.of(0, 0, etherType >>> 8, etherType & 0xff), frame));
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #control(name: string, request: number, argument: Buffer | bigint): void {
    if (libc().ioctl(this.#fd, request, argument) < 0) throw new Error(`${name} failed`);
  }
}
