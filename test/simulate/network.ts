/** Packets on their way to the server: some are lost, doubled or late. */

import type { Address } from "../../src/core/address.ts";
import { emptyKnock, type Knock } from "../../src/core/knock.ts";
import { type Port, PROTO_NUMBER } from "../../src/core/port.ts";
import { randomFrom } from "../support/random.ts";
import type { Agenda } from "./agenda.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { Road } from "./story.ts";

/** How a knock arrives of which no packet is lost. */
export interface Arrival {
  /** When the last packet arrives, from now on. */
  readonly lastMs: number;
  /** From the first to the last. */
  readonly tookMs: number;
  readonly packets: number;
}

export class Network {
  readonly #agenda: Agenda;
  readonly #process: Pick<DaemonProcess, "daemon" | "run">;

  constructor(agenda: Agenda, process: Pick<DaemonProcess, "daemon" | "run">) {
    this.#agenda = agenda;
    this.#process = process;
  }

  /** Sends a packet to each port. Undefined where one of them is lost. */
  send(
    address: Address,
    ports: readonly Port[],
    { lost, doubled, reordered, gapMs, seed }: Road,
  ): Arrival | undefined {
    const random = randomFrom(seed);
    let firstMs = Infinity;
    let lastMs = 0;
    let packets = 0;
    let whole = true;
    for (const [i, port] of ports.entries()) {
      if (random(100) < lost) {
        whole = false;
        continue;
      }
      const copies = random(100) < doubled ? 2 : 1;
      for (let copy = 0; copy < copies; copy++) {
        const late = random(100) < reordered ? random(3 * gapMs + 1) : 0;
        const ms = 1 + i * gapMs + late + copy * 0.05;
        firstMs = Math.min(firstMs, ms);
        lastMs = Math.max(lastMs, ms);
        packets++;
        this.sendOne(address, port, ms);
      }
    }
    return whole ? { lastMs, tookMs: lastMs - firstMs, packets } : undefined;
  }

  /** A packet arrives after this time. */
  sendOne(address: Address, port: Port, ms: number): void {
    this.#agenda.after(ms, () => this.#arrive(address, port));
  }

  #arrive(address: Address, port: Port): void {
    const { daemon } = this.#process;
    if (daemon === undefined) return;
    this.#process.run(() => daemon.packet(knockOf(address, port, this.#agenda.wallMs())));
  }
}

function knockOf({ family, a0, a1, a2, a3 }: Address, to: Port, timeMs: number): Knock {
  const source = { s0: a0, s1: a1, s2: a2, s3: a3 };
  const { port } = to;
  return { ...emptyKnock(), family, proto: PROTO_NUMBER[to.proto], port, timeMs, ...source };
}
