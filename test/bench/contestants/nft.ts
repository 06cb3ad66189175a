/**
 * Port knocking in the packet path of nftables alone: timed sets, no user space at all. It is drawn
 * as the physical limit, since nothing can be quicker here. It is not a product: the sequence is
 * fixed and readable on the wire, so anybody who saw it once can repeat it; forged sources fill its
 * sets, and then nobody gets in; nothing is logged.
 */

import {
  type Contestant,
  type NamedLoad,
  type Opening,
  type PrepareOptions,
  type Running,
  SERVICE_PORT,
  type Setup,
} from "../contestant.ts";
import { encodeFrames, type Load } from "../load/load.ts";
import type { Stage } from "../stage.ts";
import { guardRules } from "./guard-rules.ts";

const ANYBODY = "11.0.0.1";

function sequenceOf(door: number): readonly [number, number, number] {
  const first = 10_000 + door * 3;
  return [first, first + 2, first + 1];
}

/** The classic kind: a first port is remembered, a second one too if the first was, a third one opens. */
function knockRules(door: number, openSeconds: number): string {
  const [one, two, three] = sequenceOf(door);
  return `tcp dport ${one} tcp flags & (syn|ack) == syn add @one${door} { ip saddr timeout 10s } return
tcp dport ${two} ip saddr @one${door} add @two${door} { ip saddr timeout 10s } return
tcp dport ${three} ip saddr @two${door} add @open${door} { ip saddr timeout ${openSeconds}s } return`;
}

class RunningRules implements Running {
  readonly pids = [];
  readonly #stage: Stage;

  constructor(stage: Stage, { doors = 1, openSeconds = 2 }: Setup) {
    this.#stage = stage;
    const all = Array.from({ length: doors }, (_, door) => door);
    const sets = all.flatMap((door) =>
      ["one", "two"].map(
        (name) => `set ${name}${door} { type ipv4_addr; flags dynamic,timeout; size 65535; }`,
      ),
    );
    const rules = all.map((door) => knockRules(door, openSeconds));
    const input = guardRules(doors, sets.join("\n"), rules.join("\n"));
    stage.lab.run("server", ["nft", "-f", "-"], { input });
  }

  prepare(sources: readonly string[], { door = 0 }: PrepareOptions = {}): Promise<Opening[]> {
    const openings = sources.map((from) => {
      const knocks = sequenceOf(door).map((port) => this.#stage.frame({ from, port }));
      return { source: from, port: SERVICE_PORT + door, knocks, completes: knocks.length - 1 };
    });
    return Promise.resolve(openings);
  }

  heard(perSecond: number | null): Load {
    return this.#to(sequenceOf(0)[1], perSecond);
  }

  #to(port: number, perSecond: number | null): Load {
    const frames = encodeFrames([this.#stage.frame({ from: ANYBODY, port })]);
    return { frames, source: { random: { framesEach: 1 } }, ports: { list: [port] }, perSecond };
  }

  worst(): readonly NamedLoad[] {
    return [{ name: "its first port from random sources", load: this.#to(sequenceOf(0)[0], null) }];
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stage.lab.run("server", ["nft", "delete", "table", "inet", "bench"], { mayFail: true });
    return Promise.resolve();
  }
}

export const nft: Contestant = {
  name: "nft",
  title: "nftables alone",
  settings: "timed sets in the packet path, three fixed ports; the physical limit, not a product",
  start: (stage, setup) => Promise.resolve(new RunningRules(stage, setup)),
};
