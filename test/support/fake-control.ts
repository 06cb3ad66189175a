/** A daemon for tests of the API: doors and grants in memory, no kernel. */

import type {
  Control,
  DoorView,
  Explanation,
  HeardAddress,
  KeysCheck,
  KeysRequest,
  KeysSeen,
  KeysTold,
  ReloadRequest,
  ReloadTold,
  SessionsCut,
  SessionsOf,
  ProbationView,
  Reason,
  WhyFinding,
} from "../../src/api/control.ts";
import type { Address } from "../../src/core/address.ts";
import { formatAddress, formatPrefix } from "../../src/core/address.ts";
import { dirname } from "node:path";
import { keysFolder } from "../../src/keys/keys.ts";
import { whoOf } from "../../src/config/names.ts";
import { Counters } from "../../src/core/counters.ts";
import { SallyportError } from "../../src/core/errors.ts";
import type { Grant } from "../../src/core/grant.ts";
import { grantId } from "../../src/core/grant.ts";

export const SSH: DoorView = {
  name: "ssh",
  opens: ["22/tcp"],
  knock: "rotating",
  users: ["alice", "bob"],
  openFor: "30s",
  grants: 0,
};

export const LEGACY: DoorView = {
  name: "legacy",
  opens: ["8443/tcp"],
  knock: "fixed",
  users: [],
  openFor: "1h",
  grants: 0,
};

export class FakeControl implements Control {
  readonly counters = new Counters();
  readonly startedMs = 1_767_225_600_000;
  readonly config = "/etc/sallyport/config.toml";
  upMs = 11_520_000;
  /** The result of `residentBytes`. */
  memory: number | undefined = 60_000_000;
  reasons: readonly Reason[] = [];
  /** The result of `notices`. */
  said: readonly string[] = [];
  /** The result of `reloadKeys`. */
  keysFile = "/var/lib/sallyport/keys.toml";
  lost: KeysTold["lost"] = [];
  cutOff: readonly Grant[] = [];
  views: readonly DoorView[] = [SSH, LEGACY];
  readonly live = new Map<string, Grant>();
  /** The error of `open`, if any. */
  refusal: Error | undefined;
  nowMs = 1_767_237_120_000;
  /** The findings of `why` for any address. */
  findings: readonly WhyFinding[] = [{ kind: "silent", sentence: "Nothing was heard" }];
  /** The result of `heard`. */
  knockers: readonly HeardAddress[] = [];

  uptimeMs(): number {
    return this.upMs;
  }

  residentBytes(): number | undefined {
    return this.memory;
  }

  readiness(): readonly Reason[] {
    return this.reasons;
  }

  onProbation: ProbationView | undefined;

  probation(): ProbationView | undefined {
    return this.onProbation;
  }

  notices(): readonly string[] {
    return this.said;
  }

  /** The result of `checkKeys`; undefined: the folder of the file. */
  keysFolder: string | undefined;
  /** The error of `checkKeys`, if any. */
  keysRefusal: Error | undefined;

  checkKeys({ removed, from }: KeysCheck): KeysSeen {
    if (this.keysRefusal !== undefined) throw this.keysRefusal;
    const without =
      removed === undefined ? "" : ` without ${whoOf(removed.user, removed.device ?? "*")}`;
    const caller = from === undefined ? "" : ` from ${formatAddress(from.address)}`;
    this.checks.push(`checkKeys${without}${caller}`);
    const folder = this.keysFolder ?? keysFolder(dirname(this.keysFile));
    return { file: this.keysFile, folder };
  }

  readonly checks: string[] = [];
  /** Rotating doors wait, as `reloadKeys` tells. */
  wait: string | undefined;

  reloadKeys({ keepSessions = false, removed, yes }: KeysRequest): Promise<KeysTold> {
    if (this.keysRefusal !== undefined && yes !== true) return Promise.reject(this.keysRefusal);
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    const without =
      removed === undefined ? "" : ` without ${whoOf(removed.user, removed.device ?? "*")}`;
    this.calls.push(`reloadKeys ${keepSessions}${without}`);
    return Promise.resolve({
      done: "Read the keys again",
      file: this.keysFile,
      lost: this.lost,
      ended: this.cutOff,
      cut: [],
      ...(this.wait !== undefined && { wait: this.wait }),
    });
  }

  /** Calls of the guard's own verbs, in order. */
  readonly calls: string[] = [];

  /** The result of `reload`. */
  changes: readonly string[] = [];
  warnings: readonly string[] = [];

  async reload({ yes = false, armMs, from }: ReloadRequest): Promise<ReloadTold> {
    const caller = from === undefined ? "" : ` from ${formatAddress(from.address)} to ${from.port}`;
    const done = await this.#done(`reload ${yes} ${armMs}${caller}`);
    return { done, changes: this.changes, warnings: this.warnings };
  }

  arm(forMs: number): Promise<string> {
    return this.#done(`arm ${forMs}`);
  }

  confirm(force: boolean): Promise<string> {
    return this.#done(`confirm ${force}`);
  }

  #done(call: string): Promise<string> {
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    this.calls.push(call);
    return Promise.resolve(`Did ${call}`);
  }

  doors(): readonly DoorView[] {
    return this.views;
  }

  grants(): Promise<readonly Grant[]> {
    return Promise.resolve([...this.live.values()]);
  }

  open(door: string, address: Address, forMs: number | undefined): Promise<Grant> {
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    const text = formatAddress(address);
    return Promise.resolve(this.add({ door, address: text }, forMs ?? 30_000));
  }

  close(id: string): Promise<Grant | undefined> {
    const grant = this.live.get(id);
    this.live.delete(id);
    return Promise.resolve(grant);
  }

  /** The result of `cutSessions`. */
  sessions: SessionsCut = { cut: [], unsearched: 0, spared: [] };

  cutSessions(of: SessionsOf): Promise<SessionsCut> {
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    const whose =
      "user" in of
        ? whoOf(of.user, of.device ?? "*")
        : `${of.door ?? "*"} ${formatPrefix(of.network)}`;
    this.calls.push(`cutSessions ${whose}`);
    return Promise.resolve(this.sessions);
  }

  why(address: Address): Promise<Explanation> {
    return Promise.resolve({ address: formatAddress(address), findings: this.findings });
  }

  heard(): Promise<readonly HeardAddress[]> {
    return Promise.resolve(this.knockers);
  }

  /** Adds a living grant, opened by hand unless `of` says otherwise. */
  add(of: Partial<Grant> & Pick<Grant, "door" | "address">, forMs = 30_000): Grant {
    const grant: Grant = {
      id: grantId(of.door, of.address, { via: "hand", ...of }),
      ports: [{ proto: "tcp", from: 22, to: 22 }],
      kind: "plain",
      via: "hand",
      openedMs: this.nowMs,
      expiresMs: this.nowMs + forMs,
      ...of,
    };
    this.live.set(grant.id, grant);
    return grant;
  }
}

/** The refusal of a daemon: the kernel's set is full. */
export const FULL = new SallyportError(
  "Cannot add a grant: the set grants4 is full: wait until a grant ends",
);
