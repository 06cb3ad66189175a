/**
 * Opens doors and times it, in a process of its own; reads orders (probe.ts) from standard input:
 *
 *     bun test/bench/prober.ts INTERFACE
 *
 * Knocks and SYNs leave through a packet socket, so no connect() stands in the measurement, and each SYN has
 * a source port of its own, by which its SYN-ACK names it. The kernel of the client then resets what it
 * never asked for, which tidies the server's queue. A load is sent between the honest packets by this same
 * thread. All instants are CLOCK_MONOTONIC of this thread.
 */

import { createInterface } from "node:readline";
import { PacketSocket } from "../support/packet-socket.ts";
import { addressNumber, LoadGenerator } from "./load/generator.ts";
import type { Opened, ProbeAnswer, ProbeOpening, ProbeOrder } from "./probe.ts";
import { IP_DESTINATION, SYN_ACKS } from "./syn-acks.ts";

/** Offsets in an Ethernet frame of IPv4 without options */
const SOURCE_PORT = 34;
const DESTINATION_PORT = 36;
const TCP_CHECKSUM = 50;

/** The source port of the first SYN of an opening; those after it count up. */
const FIRST_PORT = 10_000;

/**
 * Frames of the load that arrive in a microsecond, at the most this link carries: at full rate, so
 * many are sent for each microsecond between honest packets.
 */
const FRAMES_PER_US = 0.3;

/** A SYN whose source port is changed in place; RFC 1624. */
class Syn {
  readonly frame: Uint8Array;
  readonly #view: DataView;

  constructor(frame: string) {
    this.frame = Uint8Array.fromBase64(frame);
    this.#view = new DataView(this.frame.buffer);
  }

  from(port: number): Uint8Array {
    const view = this.#view;
    let sum = (~view.getUint16(TCP_CHECKSUM) & 0xffff) + (~view.getUint16(SOURCE_PORT) & 0xffff);
    sum += port;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    view.setUint16(SOURCE_PORT, port);
    view.setUint16(TCP_CHECKSUM, ~sum & 0xffff);
    return this.frame;
  }
}

class Probing {
  readonly #socket: PacketSocket;
  readonly #order: ProbeOrder;
  readonly #load: LoadGenerator | undefined;
  #honest = 0;
  /** When each SYN of the present opening left. */
  readonly #sentNs: Float64Array;

  constructor(socket: PacketSocket, order: ProbeOrder) {
    this.#socket = socket;
    this.#order = order;
    this.#load = order.load === null ? undefined : new LoadGenerator(socket, order.load);
    this.#sentNs = new Float64Array(Math.ceil((order.patienceMs * 1_000) / order.everyUs) + 1);
  }

  run(): ProbeAnswer {
    const { openings, leadMs, restMs } = this.#order;
    const startNs = Bun.nanoseconds();
    this.#load?.begin(startNs);
    if (openings[0] !== undefined && this.#load !== undefined) {
      this.#load.victim = openings[0].source;
    }
    this.#rest(leadMs);
    const opened = openings.map((opening) => {
      const result = this.#open(opening);
      this.#rest(restMs[0] + Math.random() * (restMs[1] - restMs[0]));
      return result;
    });
    const seconds = (Bun.nanoseconds() - startNs) / 1e9;
    return { opened, honest: this.#honest, load: { sent: this.#load?.sent ?? 0, seconds } };
  }

  #rest(ms: number): void {
    if (this.#load === undefined) {
      Bun.sleepSync(ms);
      return;
    }
    const endNs = Bun.nanoseconds() + ms * 1e6;
    for (let nowNs = 0; nowNs < endNs; nowNs = Bun.nanoseconds()) this.#load.send(nowNs);
  }

  /** Knocks, and from the completing knock on sends SYNs until one is answered. */
  #open(opening: ProbeOpening): Opened {
    const { gapUs, everyUs, patienceMs } = this.#order;
    const portion = Math.ceil(FRAMES_PER_US * Math.min(gapUs, everyUs));
    const knocks = opening.knocks.map((frame) => Uint8Array.fromBase64(frame));
    const syn = new Syn(opening.syn);
    const source = addressNumber(opening.source);
    if (this.#load !== undefined) this.#load.victim = opening.source;
    while (this.#socket.receive() !== undefined) continue;
    let knocked = 0;
    let syns = 0;
    let completeNs = Infinity;
    let knockNs = 0;
    let synNs = Infinity;
    let answered: Opened | undefined;
    for (;;) {
      const nowNs = Bun.nanoseconds();
      if (answered !== undefined && knocked === knocks.length) return answered;
      if (nowNs - completeNs > patienceMs * 1e6) {
        return { source: opening.source, us: null, upperUs: null };
      }
      if (knocked < knocks.length && nowNs >= knockNs) {
        if (knocked === opening.completes) completeNs = synNs = nowNs;
        this.#send(knocks[knocked++]!);
        knockNs = nowNs + gapUs * 1_000;
      } else if (nowNs >= synNs && answered === undefined && syns < this.#sentNs.length) {
        this.#sentNs[syns] = nowNs;
        this.#send(syn.from(FIRST_PORT + syns++));
        synNs = Math.max(synNs + everyUs * 1_000, nowNs);
      } else {
        this.#load?.send(nowNs, portion);
      }
      answered ??= this.#answer(opening.source, source, completeNs);
    }
  }

  #send(frame: Uint8Array): void {
    if (this.#socket.send(frame)) this.#honest++;
  }

  #answer(source: string, number: number, completeNs: number): Opened | undefined {
    for (;;) {
      const frame = this.#socket.receive();
      if (frame === undefined) return undefined;
      const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
      if (view.getUint32(IP_DESTINATION) !== number) continue;
      const sentNs = this.#sentNs[view.getUint16(DESTINATION_PORT) - FIRST_PORT];
      if (sentNs === undefined || sentNs === 0) continue;
      return {
        source,
        us: (sentNs - completeNs) / 1_000,
        upperUs: (Bun.nanoseconds() - completeNs) / 1_000,
      };
    }
  }
}

using socket = new PacketSocket(process.argv[2] ?? "");
socket.listen(SYN_ACKS);
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(new Probing(socket, JSON.parse(line) as ProbeOrder).run()));
}
