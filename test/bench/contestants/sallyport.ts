/** sallyport: the compiled executable, rotating doors, a key for every user. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DeviceKey, formatKeys, makeKey } from "../../../src/keys/keys.ts";
import { sequencePorts } from "../../../src/rks/sequence.ts";
import { slotAt } from "../../../src/rks/slot.ts";
import { DEFAULT_SPACE, type KnockSpace } from "../../../src/rks/space.ts";
import { sendingOrder } from "../../../src/rks/sending-order.ts";
import { GuardedServer } from "../../support/guarded-server.ts";
import { run } from "../../support/programs.ts";
import {
  type Contestant,
  type NamedLoad,
  type Opening,
  type PrepareOptions,
  type Running,
  SERVICE_PORT,
  type Setup,
} from "../contestant.ts";
import { encodeFrames, type Load, scatter } from "../load/load.ts";
import type { Stage } from "../stage.ts";

/** Any source; a load replaces it. */
const ANYBODY = "11.0.0.1";

/**
 * Junk from the victim's address pushes his own knocks out once `slack` other ports pass between
 * the first and the last of them: how much junk he tolerates depends on how close together they
 * leave.
 */
const FORGED_VICTIM = [
  { name: "the victim's own address forged, 10,000/s", perSecond: 10_000 },
  { name: "the victim's own address forged, 100,000/s", perSecond: 100_000 },
  { name: "the victim's own address forged, full rate", perSecond: null },
  {
    name: "the victim's own address forged, full rate, his knocks 10 µs apart",
    perSecond: null,
    gapUs: 10,
  },
] as const;

function deviceKeys(users: number): DeviceKey[] {
  return Array.from({ length: users }, (_, i) => ({
    user: `user${i}`,
    device: "default",
    key: makeKey("lab"),
  }));
}

function doorName(door: number): string {
  return `door${door}`;
}

/** Everybody who has a key may open every door. */
export function doorTables({ doors = 1, openSeconds = 2, knock }: Setup): string {
  const space = { ...DEFAULT_SPACE, ...knock };
  const terms = `[knock]\nrange = "${space.lo}-${space.hi}"\nports = ${space.ports}\nstep = "${space.stepSeconds}s"\nwindow = "${space.windowSeconds}s"\nskew = ${space.skew}\nslack = ${space.slack}\n`;
  const tables = Array.from({ length: doors }, (_, i) => {
    return `[door.${doorName(i)}]\nopens = ["${SERVICE_PORT + i}/tcp"]\nusers = ["*"]\nopen_for = "${openSeconds}s"\n`;
  });
  return terms + tables.join("");
}

export class RunningSallyport implements Running {
  readonly server: GuardedServer;
  readonly keys: readonly DeviceKey[];
  readonly #stage: Stage;
  readonly #space: KnockSpace;
  /** The last slot of each user and door for which an opening was made. */
  readonly #used = new Map<string, number>();
  #turn = 0;

  private constructor(stage: Stage, setup: Setup, executable?: string) {
    this.#stage = stage;
    this.#space = { ...DEFAULT_SPACE, ...setup.knock };
    this.keys = deviceKeys(setup.users);
    this.server = new GuardedServer(stage.lab, doorTables(setup), {
      ...(executable !== undefined && { executable }),
    });
    const state = this.stateDir;
    mkdirSync(state, { recursive: true, mode: 0o700 });
    writeFileSync(join(state, "keys.toml"), formatKeys(this.keys), { mode: 0o600 });
    // Like `user add`: without the marker, a start waits until no knock of new keys could be a
    // repeat.
    writeFileSync(join(state, "first-start"), "");
  }

  /** `executable` is that of another build. */
  static async start(stage: Stage, setup: Setup, executable?: string): Promise<RunningSallyport> {
    const running = new RunningSallyport(stage, setup, executable);
    try {
      await running.server.start();
      return running;
    } catch (error) {
      await running[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts it again as at boot, where keys and state exist and the guard does not. Returns the milliseconds until it is ready. */
  async bootMs(): Promise<number> {
    await this.server.stop();
    this.#stage.lab.run("server", ["nft", "delete", "table", "inet", "sallyport"]);
    const began = performance.now();
    await this.server.start();
    return performance.now() - began;
  }

  get stateDir(): string {
    return join(this.server.dir, "state");
  }

  get pids(): readonly number[] {
    return [this.server.pid];
  }

  /**
   * The slot that a client would take: the lowest unused one from the present one on, at most one
   * ahead.
   */
  #takeSlot(user: number, door: number): number | undefined {
    const now = slotAt(Date.now(), this.#space.stepSeconds);
    const slot = Math.max(now, (this.#used.get(`${user}/${door}`) ?? 0) + 1);
    if (slot > now + this.#space.skew) return undefined;
    this.#used.set(`${user}/${door}`, slot);
    return slot;
  }

  /** Waits until so many sequences are unused: a fast machine may get through all users' within a slot. */
  async #enough(count: number, door: number): Promise<void> {
    const stepMs = this.#space.stepSeconds * 1_000;
    for (let slots = 0; slots <= 2; slots++) {
      const last = slotAt(Date.now(), this.#space.stepSeconds) + this.#space.skew;
      const unused = this.keys.filter((_, user) => (this.#used.get(`${user}/${door}`) ?? 0) < last);
      if (unused.length >= count) return;
      await Bun.sleep(stepMs - (Date.now() % stepMs) + 10);
    }
  }

  #nextSequence(door: number): Uint16Array | readonly number[] {
    for (let tried = 0; tried < this.keys.length; tried++) {
      const user = this.#turn++ % this.keys.length;
      const slot = this.#takeSlot(user, door);
      if (slot !== undefined) return this.#sequence(user, door, slot);
    }
    throw new Error("Every user has used his slots: give the setup more users");
  }

  #sequence(user: number, door: number, slot: number): readonly number[] {
    return [...sequencePorts(this.keys[user]!.key, doorName(door), this.#space, slot)];
  }

  async prepare(sources: readonly string[], options: PrepareOptions = {}): Promise<Opening[]> {
    const { copies = 1, door = 0 } = options;
    await this.#enough(sources.length, door);
    return sources.map((source) => {
      const sequence = [...this.#nextSequence(door)];
      const ports = copies === 1 ? sequence : sendingOrder(sequence, Math.random);
      const knocks = ports.map((port) => this.#stage.frame({ from: source, port }));
      const completes = Math.max(...sequence.map((port) => ports.indexOf(port)));
      return { source, port: SERVICE_PORT + door, knocks, completes };
    });
  }

  heard(perSecond: number | null): Load {
    const { lo, hi } = this.#space;
    return scatter(this.#stage.frame({ from: ANYBODY, port: lo }), [lo, hi], perSecond);
  }

  /** Sequences that are valid now, of as many users as knock in a measure. */
  #validNow(): (readonly number[])[] {
    const slot = slotAt(Date.now(), this.#space.stepSeconds);
    const users = this.keys.slice(0, 100).map((_, user) => user);
    return users.map((user) => this.#sequence(user, 0, slot));
  }

  worst(): readonly NamedLoad[] {
    const { lo, hi } = this.#space;
    const frames = encodeFrames([this.#stage.frame({ from: ANYBODY, port: lo })]);
    const sequences = this.#validNow();
    const half = sequences.map((ports) => ports.slice(0, -1));
    const each = { random: { framesEach: 1 } };
    const load = (rest: Pick<Load, "source" | "ports">): Load => ({
      frames,
      perSecond: null,
      ...rest,
    });
    return [
      {
        name: "valid ports from random sources",
        load: load({ source: each, ports: { list: sequences.flat() } }),
      },
      {
        name: "one source through the range",
        load: load({ source: { address: ANYBODY }, ports: { cycle: [lo, hi] } }),
      },
      {
        name: "all but the last knock, random sources",
        load: load({
          source: { random: { framesEach: half[0]!.length } },
          ports: { list: half.flat() },
        }),
      },
      ...FORGED_VICTIM.map(({ perSecond, ...rest }) => ({
        ...rest,
        load: { ...load({ source: { victim: true }, ports: { random: [lo, hi] } }), perSecond },
      })),
    ];
  }

  async missed(): Promise<number> {
    const status = (await (await this.server.control("/v1/status")).json()) as {
      counters: Record<string, number>;
    };
    return status.counters["captureDrops"] ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}

export const sallyport: Contestant = {
  name: "sallyport",
  title: "sallyport",
  settings: "as it comes: 8 ports of 20000–52767, a grant is one netlink message of the daemon",
  start: (stage, setup) => RunningSallyport.start(stage, setup),
};

/** Another build of sallyport, measured as this one is. */
export function variantOf(executable: string): Contestant {
  return {
    name: "variant",
    title: "another build",
    settings: `as sallyport; ${run([executable, "version"]).out.split("\n")[0]!}`,
    start: (stage, setup) => RunningSallyport.start(stage, setup, executable),
  };
}
