/** Frames that a trial puts on the wire itself: many sources, exact order, exact pace. */

import { LinkType } from "../../src/core/link-type.ts";
import { packFrames } from "../support/flood.ts";
import { frame, ipv4, ipv6, tcp, udp } from "../support/frames.ts";
import type { Host, Lab } from "../support/lab.ts";
import { spawn } from "../support/programs.ts";

/** One knock from any address, forged or not. */
export interface WireKnock {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly proto?: "tcp" | "udp";
  readonly sourcePort?: number;
}

/** The same knocks from another address. */
export function knocksFrom(from: string, knocks: readonly WireKnock[]): WireKnock[] {
  return knocks.map((knock) => ({ ...knock, from }));
}

export interface Sent {
  readonly sent: number;
  readonly seconds: number;
}

const FLOOD = new URL("../support/flood.ts", import.meta.url).pathname;

export class Wire {
  readonly #lab: Lab;
  readonly #mac: Uint8Array;

  constructor(lab: Lab) {
    this.#lab = lab;
    const mac = lab.run("server", ["cat", "/sys/class/net/eth0/address"]).out.trim().split(":");
    this.#mac = Uint8Array.from(mac, (byte) => Number.parseInt(byte, 16));
  }

  /** The Ethernet frame of a knock, addressed to the server's interface. */
  frame({ from, to, port, proto = "tcp", sourcePort = 40_000 }: WireKnock): Uint8Array {
    const segment = proto === "tcp" ? tcp(port, 2, { sourcePort }) : udp(port, { sourcePort });
    const packet = to.includes(":") ? ipv6(from, to, segment) : ipv4(from, to, segment);
    return frame(LinkType.ethernet, packet, { destination: this.#mac });
  }

  /** Sends `count` frames, taken in turn; resolves when they have left. Default: each once, at full speed. */
  async send(
    host: Host,
    frames: readonly Uint8Array[],
    { count = frames.length, perSecond = Infinity }: { count?: number; perSecond?: number } = {},
  ): Promise<Sent> {
    return await this.start(host, frames, { count, perSecond }).sent;
  }

  /** Like `send`, but returns at once: a flood that lasts while other things happen. */
  start(
    host: Host,
    frames: readonly Uint8Array[],
    { count, perSecond = Infinity }: { count: number; perSecond?: number },
  ): { readonly sent: Promise<Sent>; stop(): void } {
    const inNamespace = ["ip", "netns", "exec", this.#lab.namespace(host)];
    const flood = [process.execPath, FLOOD, "eth0", String(count), String(perSecond)];
    const child = spawn([...inNamespace, ...flood], {
      stdin: packFrames(frames),
      stdout: "pipe",
      stderr: "pipe",
    });
    let stopped = false;
    const sent = new Response(child.stdout).text().then(async (out) => {
      if (out !== "") return JSON.parse(out) as Sent;
      if (stopped) return { sent: 0, seconds: 0 };
      throw new Error(`The flood failed: ${await new Response(child.stderr).text()}`);
    });
    const stop = () => {
      stopped = true;
      child.kill("SIGKILL");
    };
    return { sent, stop };
  }

  /** Sends knocks from raw frames, in this order, one process for all. */
  async knock(host: Host, knocks: readonly WireKnock[], perSecond?: number): Promise<Sent> {
    const frames = knocks.map((knock) => this.frame(knock));
    return await this.send(host, frames, perSecond === undefined ? {} : { perSecond });
  }
}

/** Words of an Internet checksum, folded. */
function folded(sum: number): number {
  let rest = sum;
  while (rest > 0xffff) rest = (rest & 0xffff) + (rest >>> 16);
  return rest;
}

export interface Forgery {
  /** How many bits of the source are random, counted from its end. */
  readonly randomBits: 16 | 24 | 32 | 64;
  /** The destination ports, picked at random: first and last. */
  readonly ports: readonly [number, number];
  readonly random: (below: number) => number;
}

/**
 * `count` copies of a SYN's Ethernet frame, each with a forged source and port and with right checksums:
 * patched in place, because a million frames built one by one would take longer than the attack.
 */
export function forgedFrames(
  template: Uint8Array,
  count: number,
  { randomBits, ports: [first, last], random }: Forgery,
): Uint8Array[] {
  const v6 = template[12] === 0x86;
  const sourceEnd = 14 + (v6 ? 24 : 16);
  const l4 = 14 + (v6 ? 40 : 20);
  return Array.from({ length: count }, () => {
    const bytes = template.slice();
    const view = new DataView(bytes.buffer);
    let change = 0;
    const put = (at: number, value: number) => {
      change += value - view.getUint16(at) + 0xffff; // RFC 1624, one's complement
      view.setUint16(at, value);
    };
    for (let bits = 16; bits <= randomBits; bits += 16) put(sourceEnd - bits / 8, random(0x10000));
    if (randomBits === 24) {
      const at = sourceEnd - 4;
      put(at, (view.getUint16(at) & 0xff00) | random(0x100));
    }
    const addressChange = change;
    put(l4 + 2, first + random(last - first + 1));
    const fix = (at: number, by: number) => {
      view.setUint16(at, ~folded((~view.getUint16(at) & 0xffff) + by) & 0xffff);
    };
    fix(l4 + 16, change);
    if (!v6) fix(14 + 10, addressChange);
    return bytes;
  });
}
