/** The daemon as the API sees it. */

import { resolve } from "node:path";
import {
  REASONS,
  type Control,
  type CutPlace,
  type DoorView,
  type Explanation,
  type HeardAddress,
  type KeysCheck,
  type KeysRequest,
  type KeysSeen,
  type KeysTold,
  type ProbationView,
  type Reason,
  type ReloadRequest,
  type ReloadTold,
  type SessionsCut,
  type SessionsOf,
} from "../api/control.ts";
import type { Address } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Counters } from "../core/counters.ts";
import { messageOf, SallyportError } from "../core/errors.ts";
import type { Grant } from "../core/grant.ts";
import { keysFile, keysFolder } from "../keys/keys.ts";
import { residentBytes } from "../native/heap.ts";
import { describeOwnRecord } from "../store/audit-record.ts";
import type { DataPlaneAccess } from "./data-plane-access.ts";
import { viewDoors } from "./door-views.ts";
import type { Explainer } from "./explain/explainer.ts";
import type { GuardAudit } from "./guard/guard-audit.ts";
import type { CurrentConfiguration } from "./current-configuration.ts";
import { endWithKeys } from "./key-removal.ts";
import type { KeysWatch } from "./keys-watch.ts";
import { cutLeftovers, type LeftoverSurroundings, openingsOf } from "./leftover-cut.ts";
import { log } from "./log.ts";
import { describeKeyChange, keyChange } from "./lost-keys.ts";
import type { Openings } from "./openings.ts";
import type { OwedCloses } from "./owed-closes.ts";
import type { PersistentState } from "./persistent-state.ts";
import type { Readiness } from "./readiness.ts";
import type { Reloader } from "./reloader.ts";
import { counted } from "./start-report.ts";

export interface ControlServiceParts {
  /** config.toml */
  readonly file: string;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly inForce: CurrentConfiguration;
  readonly readiness: Readiness;
  readonly openings: Openings;
  readonly dataPlane: DataPlaneAccess;
  readonly persistent: PersistentState;
  readonly guard: GuardAudit;
  readonly closes: OwedCloses;
  readonly reloader: Reloader;
  readonly keysWatch: KeysWatch;
  readonly explainer: Explainer;
}

export class ControlService implements Control {
  readonly counters: Counters;
  readonly startedMs: number;
  readonly config: string;
  readonly #startedAt: number;
  readonly #parts: ControlServiceParts;

  /** The daemon counts as started when this is made. */
  constructor(parts: ControlServiceParts) {
    this.#parts = parts;
    this.counters = parts.counters;
    this.config = resolve(parts.file);
    this.startedMs = parts.clock.wallMs();
    this.#startedAt = parts.clock.monotonicMs();
  }

  uptimeMs(): number {
    return this.#parts.clock.monotonicMs() - this.#startedAt;
  }

  residentBytes(): number | undefined {
    return residentBytes();
  }

  readiness(): readonly Reason[] {
    return this.#parts.readiness.reasons();
  }

  notices(): readonly string[] {
    const { reloader, keysWatch } = this.#parts;
    return [reloader.notice, keysWatch.changed()].filter((said) => said !== undefined);
  }

  probation(): ProbationView | undefined {
    const { guard, clock, reloader } = this.#parts;
    const { leftMs } = guard;
    if (leftMs === undefined) return undefined;
    return { untilMs: clock.wallMs() + leftMs, otherwise: reloader.otherwise };
  }

  doors(): readonly DoorView[] {
    const { inForce, openings } = this.#parts;
    return viewDoors(inForce.settings.doors, openings);
  }

  grants(): Promise<readonly Grant[]> {
    return this.#parts.dataPlane.grants();
  }

  async open(door: string, address: Address, forMs: number | undefined): Promise<Grant> {
    const life = forMs === undefined ? {} : { forMs };
    const link = this.#parts.dataPlane.to("open a door");
    return await link.ask({ type: "open", door, address, ...life });
  }

  close(id: string): Promise<Grant | undefined> {
    return this.#parts.dataPlane.close(id);
  }

  async cutSessions(of: SessionsOf): Promise<SessionsCut> {
    this.#parts.dataPlane.to("cut sessions");
    try {
      return await cutLeftovers(this.#leftovers(), openingsOf(of));
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      throw new SallyportError(
        `Cannot cut all sessions whose grants are over: ${messageOf(error)}`,
        undefined,
        { cause: error },
      );
    }
  }

  async why(address: Address): Promise<Explanation> {
    const { dataPlane, explainer } = this.#parts;
    dataPlane.to("explain anything");
    return await explainer.why(address);
  }

  async heard(): Promise<readonly HeardAddress[]> {
    const { dataPlane, explainer } = this.#parts;
    dataPlane.to("explain anything");
    return await explainer.heard();
  }

  async arm(forMs: number): Promise<string> {
    const { dataPlane, guard, reloader } = this.#parts;
    dataPlane.to("arm");
    return await reloader.between(() => guard.arm(forMs), false);
  }

  async confirm(force: boolean): Promise<string> {
    const { dataPlane, guard, reloader } = this.#parts;
    dataPlane.to("confirm");
    return await reloader.between(() => guard.confirm(force), true);
  }

  reload(request: ReloadRequest): Promise<ReloadTold> {
    return this.#parts.reloader.reload(request);
  }

  async reloadKeys({ keepSessions = false, removed, yes }: KeysRequest): Promise<KeysTold> {
    const { dataPlane, reloader, inForce, persistent, clock } = this.#parts;
    dataPlane.to("read the keys again");
    const before = await reloader.reloadKeys({
      ...(removed !== undefined && { removed }),
      ...(yes !== undefined && { yes }),
    });
    const { keys, settings } = inForce.configuration;
    const file = keysFile(settings.server.stateDir);
    const changed = keyChange(before.keys, keys);
    const change = describeKeyChange(changed);
    const done = `Read ${file} again: ${counted(keys.length, "key")}, ${change}`;
    log("info", done);
    // Before anything that may be refused: the keys are in force.
    persistent.note({ type: "keys.reloaded", atMs: clock.wallMs(), file, change });
    const ended = keepSessions
      ? { grants: [], sessions: [] }
      : await endWithKeys({
          before: before.keys,
          now: keys,
          removed,
          closes: this.#parts.closes,
          ...this.#leftovers(),
        });
    const lost = [...changed.removed, ...changed.replaced];
    const wait = this.readiness().find(({ code }) => code === "clock");
    return {
      done,
      file,
      lost,
      ended: ended.grants,
      cut: ended.sessions,
      ...(wait !== undefined && { wait: wait.detail ?? REASONS.clock }),
    };
  }

  checkKeys(request: KeysCheck): KeysSeen {
    const { stateDir } = this.#parts.reloader.checkKeys(request).settings.server;
    return { file: keysFile(stateDir), folder: keysFolder(stateDir) };
  }

  #leftovers(): LeftoverSurroundings {
    const { dataPlane, inForce, persistent, clock } = this.#parts;
    return {
      settings: inForce.configuration.settings,
      grants: () => dataPlane.grants(),
      flushAudit: () => persistent.audit.flush(),
      cutAt: ({ door, address, sessions }: CutPlace) => {
        const atMs = clock.wallMs();
        const record = { type: "sessions.cut", atMs, door, address, count: sessions } as const;
        log("info", describeOwnRecord(record));
        persistent.note(record);
      },
    };
  }
}
