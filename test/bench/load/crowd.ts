/**
 * Many clients at once, in a process of its own; reads one order from standard input, prints one answer:
 *
 *     bun test/bench/load/crowd.ts INTERFACE < order.json
 *
 * Each client sends its knocks at its own times, then SYNs less and less often until one is answered.
 */

import { PacketSocket } from "../../support/packet-socket.ts";
import { IP_DESTINATION, SYN_ACKS } from "../syn-acks.ts";
import { addressNumber } from "./generator.ts";
import { nap } from "./nap.ts";

export interface CrowdClient {
  readonly source: string;
  /** Frames in base64, in the order of sending. */
  readonly knocks: readonly string[];
  readonly completes: number;
  /** A SYN to the guarded port. */
  readonly syn: string;
  /** When its first knock leaves, counted from the start. */
  readonly startMs: number;
}

export interface CrowdOrder {
  readonly clients: readonly CrowdClient[];
  /** Between two knocks of a client. */
  readonly gapMs: number;
  /** Between two SYNs of a client: at first, doubled with each, and at most. */
  readonly everyMs: readonly [first: number, most: number];
  /** A client that is not let in this long after its completing knock has failed. */
  readonly patienceMs: number;
}

export interface CrowdAnswer {
  /** From the completing knock of each client to its first SYN-ACK; null: none came. */
  readonly openedMs: readonly (number | null)[];
  /** From the first knock to the last. */
  readonly knockedMs: number;
}

interface Waiting {
  readonly client: number;
  readonly atMs: number;
}

interface Sending {
  readonly atMs: number;
  readonly client: number;
  readonly frame: Uint8Array;
  readonly completes: boolean;
}

/** Every knock of everybody, by time. */
function scheduleOf({ clients, gapMs }: CrowdOrder): Sending[] {
  return clients
    .flatMap(({ knocks, completes, startMs }, client) =>
      knocks.map((frame, i) => ({
        atMs: startMs + i * gapMs,
        client,
        frame: Uint8Array.fromBase64(frame),
        completes: i === completes,
      })),
    )
    .sort((a, b) => a.atMs - b.atMs);
}

class Crowd {
  readonly #socket: PacketSocket;
  readonly #order: CrowdOrder;
  readonly #syns: readonly Uint8Array[];
  readonly #byAddress: ReadonlyMap<number, number>;
  readonly #completedMs: number[];
  readonly #openedMs: (number | null)[];
  /**
   * Clients that knocked and are not in yet, by the time to their next SYN, in the order of that
   * time.
   */
  readonly #waiting: readonly Waiting[][];
  readonly #gapsMs: readonly number[];
  #startNs = 0;

  constructor(socket: PacketSocket, order: CrowdOrder) {
    this.#socket = socket;
    this.#order = order;
    this.#syns = order.clients.map(({ syn }) => Uint8Array.fromBase64(syn));
    this.#byAddress = new Map(order.clients.map(({ source }, i) => [addressNumber(source), i]));
    this.#completedMs = order.clients.map(() => NaN);
    this.#openedMs = order.clients.map(() => null);
    const [first, most] = order.everyMs;
    const doublings = Math.ceil(Math.log2(most / first));
    this.#gapsMs = Array.from({ length: doublings + 1 }, (_, i) => Math.min(most, first * 2 ** i));
    this.#waiting = this.#gapsMs.map(() => []);
  }

  run(): CrowdAnswer {
    const schedule = scheduleOf(this.#order);
    this.#startNs = Bun.nanoseconds();
    let next = 0;
    while (next < schedule.length || this.#waiting.some(({ length }) => length > 0)) {
      const nowMs = this.#nowMs();
      this.#listen();
      const sending = schedule[next];
      if (sending !== undefined && sending.atMs <= nowMs) {
        this.#knock(sending);
        next++;
      } else if (!this.#trySyn(nowMs)) {
        nap(0.05);
      }
    }
    return {
      openedMs: this.#openedMs,
      knockedMs: (schedule.at(-1)?.atMs ?? 0) - schedule[0]!.atMs,
    };
  }

  #nowMs(): number {
    return (Bun.nanoseconds() - this.#startNs) / 1e6;
  }

  #knock({ client, frame, completes }: Sending): void {
    this.#socket.send(frame);
    if (!completes) return;
    const atMs = this.#nowMs();
    this.#completedMs[client] = atMs;
    this.#waiting[0]!.push({ client, atMs: atMs + this.#gapsMs[0]! });
  }

  /** Sends a due SYN; false when none is due. */
  #trySyn(nowMs: number): boolean {
    const level = this.#waiting.findIndex((queue) => (queue[0]?.atMs ?? Infinity) <= nowMs);
    const first = this.#waiting[level]?.shift();
    if (first === undefined) return false;
    const { client } = first;
    if (this.#openedMs[client] !== null) return true;
    if (nowMs - this.#completedMs[client]! > this.#order.patienceMs) return true;
    this.#socket.send(this.#syns[client]!);
    const next = Math.min(level + 1, this.#waiting.length - 1);
    this.#waiting[next]!.push({ client, atMs: nowMs + this.#gapsMs[next]! });
    return true;
  }

  #listen(): void {
    for (;;) {
      const frame = this.#socket.receive();
      if (frame === undefined) return;
      const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
      const client = this.#byAddress.get(view.getUint32(IP_DESTINATION));
      if (client === undefined || Number.isNaN(this.#completedMs[client])) continue;
      this.#openedMs[client] ??= this.#nowMs() - this.#completedMs[client]!;
    }
  }
}

if (import.meta.main) {
  const order = JSON.parse(await Bun.stdin.text()) as CrowdOrder;
  using socket = new PacketSocket(process.argv[2] ?? "");
  socket.listen(SYN_ACKS);
  console.log(JSON.stringify(new Crowd(socket, order).run()));
}
