/**
 * knockd 0.8: three knocks a door; a firewall command, without a second one to close: the grant
 * ends by itself.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PeerDaemon, drain } from "../../support/peer-daemon.ts";
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

/** Three ports of its own for each door, in an order that no scan completes. */
function sequenceOf(door: number): readonly [number, number, number] {
  const first = 10_000 + door * 3;
  return [first, first + 2, first + 1];
}

function doorSection(door: number, openSeconds: number): string {
  return `[door${door}]
  sequence = ${sequenceOf(door).join(",")}
  seq_timeout = 10
  tcpflags = syn
  start_command = /usr/sbin/nft add element inet bench open${door} { %IP% timeout ${openSeconds}s }
`;
}

class RunningKnockd extends PeerDaemon implements Running {
  readonly #stage: Stage;
  #pids: readonly number[] = [];

  constructor(stage: Stage) {
    super(stage.lab);
    this.#stage = stage;
  }

  async begin({ doors = 1, openSeconds = 2 }: Setup): Promise<this> {
    this.lab.run("server", ["nft", "-f", "-"], { input: guardRules(doors) });
    const sections = Array.from({ length: doors }, (_, door) => doorSection(door, openSeconds));
    const config = join(this.dir, "knockd.conf");
    writeFileSync(config, `[options]\n  Interface = eth0\n${sections.join("")}`);
    this.child = this.lab.start("server", ["knockd", "-4", "-c", config]);
    void drain(this.child.stdout);
    void drain(this.child.stderr);
    await this.#stage.captureOf(this.child);
    this.#pids = this.pidsOf("knockd");
    return this;
  }

  get pids(): readonly number[] {
    return this.#pids;
  }

  prepare(sources: readonly string[], { door = 0 }: PrepareOptions = {}): Promise<Opening[]> {
    const openings = sources.map((from) => {
      const knocks = sequenceOf(door).map((port) => this.#stage.frame({ from, port }));
      return { source: from, port: SERVICE_PORT + door, knocks, completes: knocks.length - 1 };
    });
    return Promise.resolve(openings);
  }

  /** The second port: it passes the filter, and begins no attempt. */
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

  kill(): void {
    this.killNamed("knockd");
  }

  [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
    return Promise.resolve();
  }
}

export const knockd: Contestant = {
  name: "knockd",
  title: "knockd 0.8",
  settings:
    "no log, no stop command, `start_command = nft add element … timeout` (an iptables command, as its manual has it, takes a millisecond less and needs a sleeping process to close the door)",
  async start(stage, setup) {
    const running = new RunningKnockd(stage);
    try {
      return await running.begin(setup);
    } catch (error) {
      running[Symbol.dispose]();
      throw error;
    }
  },
};
