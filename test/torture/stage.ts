/** The scene of most trials: a lab, services, and a guarded server whose keys the trial knows. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DeviceKey, formatKeys, makeKey } from "../../src/keys/keys.ts";
import type { Grant } from "../../src/core/grant.ts";
import { sequencePorts } from "../../src/rks/sequence.ts";
import { slotAt, slotStartMs } from "../../src/rks/slot.ts";
import { DEFAULT_SPACE } from "../../src/rks/space.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";
import { startEcho } from "../support/service.ts";
import { Wire, type WireKnock } from "./wire.ts";

export const SERVER = "10.77.0.1";
export const SERVER6 = "fd77::1";
export const CLIENT = "10.77.0.2";
export const STRANGER = "10.77.0.3";

/** A door for rotating knocks; `users` as TOML. */
export function webDoor(users: readonly string[] = ["alice"], extra = 'open_for = "30s"'): string {
  return `[door.web]\nopens = ["8080/tcp"]\nusers = ${JSON.stringify(users)}\n${extra}\n`;
}

export const LEGACY_DOOR = `[door.legacy]
opens = ["8443/tcp"]
sequence = ["7000", "8000", "9000"]
open_for = "1m"
`;

export interface StageOptions {
  /** Each gets one device, "default", with a key. Default: alice. */
  readonly users?: readonly string[];
  /** Echo services on the server. Default: 8080. */
  readonly services?: readonly number[];
  readonly interfaces?: readonly string[];
  /** The words in front of the daemon's executable: `setpriv …`. */
  readonly as?: readonly string[];
  /** Default: true. */
  readonly start?: boolean;
}

export class Stage implements AsyncDisposable {
  readonly lab = new Lab();
  readonly wire = new Wire(this.lab);
  readonly server: GuardedServer;
  readonly #keys: DeviceKey[];

  private constructor(config: string, { users = ["alice"], interfaces, as }: StageOptions) {
    this.server = new GuardedServer(this.lab, config, {
      ...(interfaces !== undefined && { interfaces }),
      ...(as !== undefined && { as }),
    });
    this.#keys = users.map((user) => ({ user, device: "default", key: makeKey("lab") }));
    this.writeKeys();
    // Like `user add`: the keys are new, so none of their knocks can have been used.
    writeFileSync(join(this.stateDir, "first-start"), "");
  }

  /** `config` is TOML: doors, and `[guard]` or `[knock]` where a trial needs them. */
  static async set(config: string, options: StageOptions = {}): Promise<Stage> {
    const stage = new Stage(config, options);
    try {
      for (const port of options.services ?? [8080]) await startEcho(stage.lab, "server", port);
      if (options.start !== false) await stage.server.start();
      return stage;
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  get stateDir(): string {
    return join(this.server.dir, "state");
  }

  /** Writes the original keys, for trials that destroy the state. */
  writeKeys(): void {
    mkdirSync(this.stateDir, { recursive: true, mode: 0o700 });
    writeFileSync(join(this.stateDir, "keys.toml"), formatKeys(this.#keys), { mode: 0o600 });
  }

  /**
   * A new key under the same name, as an administrator who removes and adds it has it before a
   * reload.
   */
  renewKey(user: string): void {
    const at = this.#keys.findIndex((device) => device.user === user);
    this.#keys[at] = { ...this.#keys[at]!, key: makeKey("lab") };
    this.writeKeys();
  }

  /** The ports of a user's sequence for a door, `ahead` slots from the present one. */
  ports(user = "alice", { ahead = 0, door = "web", space = DEFAULT_SPACE } = {}): number[] {
    const { key } = this.#keys.find((device) => device.user === user)!;
    const slot = slotAt(Date.now(), space.stepSeconds) + ahead;
    return [...sequencePorts(key, door, space, slot)];
  }

  /** The knocks of a user's sequence from an address. */
  knocks(
    from: string,
    user = "alice",
    options: { ahead?: number; door?: string } = {},
  ): WireKnock[] {
    const to = from.includes(":") ? SERVER6 : SERVER;
    return this.ports(user, options).map((port) => ({ from, to, port }));
  }

  /** Waits, at most a slot, until the present slot lasts `ms` more. */
  async roomInSlot(ms: number, { stepSeconds } = DEFAULT_SPACE): Promise<void> {
    const next = slotStartMs(slotAt(Date.now(), stepSeconds) + 1, stepSeconds);
    if (next - Date.now() < ms) await Bun.sleep(next - Date.now() + 50);
  }

  async grants(): Promise<Grant[]> {
    const answer = (await (await this.server.control("/v1/grants")).json()) as { grants: Grant[] };
    return answer.grants;
  }

  async counters(): Promise<Record<string, number>> {
    const answer = (await (await this.server.control("/v1/status")).json()) as {
      counters: Record<string, number>;
    };
    return answer.counters;
  }

  async reasons(): Promise<string[]> {
    const answer = (await (await this.server.control("/readyz")).json()) as {
      reasons: { code: string }[];
    };
    return answer.reasons.map(({ code }) => code);
  }

  /**
   * Waits, at most `mostMs`, until the reasons not to be ready are those wanted. Returns the last
   * ones seen.
   */
  async awaitReasons(wanted: (codes: string[]) => boolean, mostMs = 5_000): Promise<string[]> {
    const deadline = Date.now() + mostMs;
    for (;;) {
      const codes = await this.reasons();
      if (wanted(codes) || Date.now() > deadline) return codes;
      await Bun.sleep(5);
    }
  }

  /** Waits until the daemon has handled all packets: its packet count is constant. */
  async settled(): Promise<void> {
    for (let before = -1, still = 0; still < 2;) {
      const { packets = 0, captureDrops = 0 } = await this.counters();
      still = packets + captureDrops === before ? still + 1 : 0;
      before = packets + captureDrops;
      await Bun.sleep(60);
    }
  }

  /** How often a line was logged since `from`. */
  logged(pattern: RegExp, from = 0): number {
    return [...this.server.log.slice(from).matchAll(new RegExp(pattern, "g"))].length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    this.lab[Symbol.dispose]();
  }
}
