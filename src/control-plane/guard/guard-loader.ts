/**
 * Keeps the intended guard in the kernel: loads it, compares it, and puts it back when others
 * changed it.
 */

import { isDeepStrictEqual } from "node:util";
import type { Settings } from "../../config/settings.ts";
import type { Clock } from "../../core/clock.ts";
import { SallyportError } from "../../core/errors.ts";
import type { GrantKind } from "../../core/grant.ts";
import type { DaemonEvent } from "../../core/events.ts";
import { type PortRange, rangesOverlap } from "../../core/port.ts";
import { guardFingerprint } from "../../firewall/audit.ts";
import type { GuardPlan } from "../../firewall/guard-plan.ts";
import { guardLoaded, guardRemembers, loadGuard, removeGuard } from "../../firewall/guard.ts";
import { adoptSessions, livingSessions, type Session } from "../../firewall/sessions.ts";
import { guardedPorts } from "../../config/guarded-ports.ts";
import { detectDeny, mayDenyUnheard } from "../../foreign-rules/deny.ts";
import { denyOf, guardPlan } from "../configuration.ts";
import { Probation } from "./probation.ts";

/** The kernel counts its own way: a probation with less than this left is over. */
const OVER_MS = 1_000;

/**
 * A load whose ports are guarded for a time is repeated no sooner: each load is a change of the
 * table, which is answered by an audit.
 */
const REFRESH_MS = 5_000;

/** The kernel's part in the guard. */
export interface GuardKernel {
  /** In one transaction; throws OpError, and everything is then as before. */
  load(plan: GuardPlan): void;
  remove(): void;
  loaded(): boolean;
  fingerprint(): string | undefined;
  /** The living TCP sessions on these ports. */
  sessions(ports: readonly PortRange[]): Session[];
  /** Enters the living sessions on these ports into connection tracking. Returns how many. */
  adopt(ports: readonly PortRange[]): number;
  /** How closed ports answer here. Throws OpError. */
  closedPorts(): GuardPlan["deny"];
  /** Whether rules may decide that whose changes it announces to nobody. */
  mayDenyUnheard(): boolean;
}

const RUNNING_KERNEL: GuardKernel = {
  load: loadGuard,
  remove: removeGuard,
  loaded: guardLoaded,
  fingerprint: guardFingerprint,
  sessions: livingSessions,
  adopt: adoptSessions,
  closedPorts: detectDeny,
  mayDenyUnheard,
};

/** What the rules must know: the terms of grants, and what may be forgotten. */
export interface HeldTerms {
  readonly kinds: Iterable<GrantKind>;
  readonly idleMs: Iterable<number>;
  /** As in the plan of a guard. */
  readonly doubtMs?: number;
}

/** "lapsed": nobody confirmed a probation in time, and no port is guarded. */
export type GuardState = "permanent" | "probation" | "lapsed";

export class GuardLoader {
  readonly #clock: Clock;
  readonly #kernel: GuardKernel;
  readonly #held: () => HeldTerms;
  #settings: Settings;
  #intended: string | undefined;
  /** Why the kernel did not show the guard after the last load. */
  #unseen: unknown;
  /** How the guard in the kernel denies. */
  #deny: GuardPlan["deny"] | undefined;
  #loadedMs = -Infinity;
  /** The table that was loaded says that it may lack uses. */
  #doubts = false;
  #probation: Probation | undefined;
  /** Nobody confirmed in time: the ports are open until somebody loads the guard again. */
  #lapsed = false;

  /**
   * `held`: among others the terms of living grants, whose rules stay although no door has them any more.
   */
  constructor(
    settings: Settings,
    clock: Clock,
    held: () => HeldTerms = () => ({ kinds: [], idleMs: [] }),
    kernel = RUNNING_KERNEL,
  ) {
    this.#kernel = kernel;
    this.#settings = settings;
    this.#clock = clock;
    this.#held = held;
  }

  /**
   * Puts the guard of `settings` into the kernel in one transaction; `deny` is how it denies, as `denyOf` returned it
   * a moment ago. Throws OpError; the kernel then keeps the guard it had.
   */
  load(settings: Settings, deny = this.#denyOf(settings)): void {
    const doors = guardPlan(settings, this.#probationLeftMs(), deny);
    const held = this.#held();
    const plan = {
      ...doors,
      kinds: [...new Set([...(doors.kinds ?? []), ...held.kinds])],
      idleMs: [...new Set([...doors.idleMs, ...held.idleMs])],
      ...(held.doubtMs !== undefined && { doubtMs: held.doubtMs }),
    };
    this.#kernel.load(this.#lapsed ? { ...plan, guarded: [] } : plan);
    this.#settings = settings;
    this.#deny = deny;
    this.#loadedMs = this.#clock.monotonicMs();
    this.#doubts = (held.doubtMs ?? 0) > 0;
    this.#look();
  }

  /** The guard is in force already: whoever loaded it must not hear that it is not. */
  #look(): void {
    this.#unseen = undefined;
    try {
      this.#intended = this.#kernel.fingerprint();
    } catch (error) {
      this.#unseen = error;
    }
  }

  /** The guard was loaded, and the kernel did not show it: what is there may be another by now. */
  get isUnseen(): boolean {
    return this.#unseen !== undefined;
  }

  /**
   * Enters the living sessions into connection tracking, so that the guard about to be loaded cuts
   * none. Returns how many. Only where no guard is loaded: beside one everything is tracked
   * already, and a session that tracking does not know was closed on purpose, or slipped in while
   * the table was gone.
   */
  adopt(): number {
    return this.#kernel.loaded() ? 0 : this.#kernel.adopt(guardedPorts(this.#settings));
  }

  /** The same for ports that `next` guards but the settings in force do not. */
  adoptNew(next: Settings): number {
    const guarded = guardedPorts(this.#settings);
    return this.#kernel.adopt(
      guardedPorts(next).filter((range) => !guarded.some((other) => rangesOverlap(range, other))),
    );
  }

  /** Whether a guard is loaded already, by an earlier daemon or the boot unit. */
  static stands(): boolean {
    return guardLoaded();
  }

  /** Whether the table of an earlier daemon stands, and knows every use that the disk may lack. */
  static remembers(): boolean {
    return guardRemembers();
  }

  /** Whether the kernel holds the guard that was loaded. */
  intact(): boolean {
    return this.#intended !== undefined && this.#kernel.fingerprint() === this.#intended;
  }

  /** Loads the guard again. Throws also where the kernel does not show it then. */
  repair(): void {
    this.load(this.#settings, this.#deny);
    if (this.#unseen !== undefined) throw this.#unseen;
  }

  /**
   * Where closed ports answer otherwise than when the guard was loaded, loads it again, to answer like them. Returns how
   * it denies from then on; undefined where nothing changed. Throws OpError; everything is then as before.
   */
  follow(): GuardPlan["deny"] | undefined {
    const deny = this.#denyOf(this.#settings);
    if (isDeepStrictEqual(deny, this.#deny)) return undefined;
    this.load(this.#settings, deny);
    return deny;
  }

  /** Whether guarded ports are to answer like closed ones, however these do. */
  get isToFollow(): boolean {
    return !this.#lapsed && this.#settings.guard.deny === "auto";
  }

  /** Whether closed ports may answer otherwise by now without a word from the kernel. */
  get mayChangeUnheard(): boolean {
    return this.#kernel.mayDenyUnheard();
  }

  /** Whether some ports are guarded only for a time, which it is time to move on. */
  get mustRefresh(): boolean {
    return (
      !this.#lapsed &&
      this.#clock.monotonicMs() >= this.#loadedMs + REFRESH_MS &&
      this.#settings.doors.some(({ openAfterMs }) => openAfterMs !== undefined)
    );
  }

  /** Whether the table says that it may lack uses, and the disk has them all by now. */
  get mustForgetDoubt(): boolean {
    return this.#doubts && (this.#held().doubtMs ?? 0) === 0;
  }

  /**
   * Begins a probation of `forMs` by these settings (default: those in force), or begins it anew,
   * even after one that lapsed. `deny` as for `load`. Throws OpError; everything is then as before.
   */
  arm(forMs: number, settings = this.#settings, deny?: GuardPlan["deny"]): void {
    const sessions = this.#kernel.sessions(guardedPorts(settings));
    const probation = new Probation(this.#clock.monotonicMs() + forMs, sessions);
    this.#loadWith(settings, { probation, lapsed: false }, deny);
  }

  /**
   * Loads the guard of `settings` without a probation. Throws OpError; everything is then as
   * before.
   */
  loadForGood(settings: Settings): void {
    this.#loadWith(settings, { probation: undefined, lapsed: false });
  }

  #loadWith(
    settings: Settings,
    next: { readonly probation: Probation | undefined; readonly lapsed: boolean },
    deny?: GuardPlan["deny"],
  ): void {
    const before = { probation: this.#probation, lapsed: this.#lapsed };
    this.#probation = next.probation;
    this.#lapsed = next.lapsed;
    try {
      this.load(settings, deny);
    } catch (error) {
      this.#probation = before.probation;
      this.#lapsed = before.lapsed;
      throw error;
    }
  }

  /**
   * Makes the guard permanent. Throws a SallyportError that says which proof is missing, unless
   * `force`.
   */
  confirm(force: boolean): void {
    if (this.#lapsed) {
      throw new SallyportError(
        "Cannot confirm: the probation is over and the ports are open: begin again with sallyport arm",
      );
    }
    if (this.#probation === undefined) {
      throw new SallyportError(
        "Cannot confirm: the guard is not on probation, it is permanent already",
      );
    }
    const missing = this.#probation.missing(this.#kernel.sessions(guardedPorts(this.#settings)));
    if (missing !== undefined && !force) {
      throw new SallyportError(
        `Cannot confirm: ${missing}: knock, connect through the opened door and confirm from there, or use --force`,
      );
    }
    this.loadForGood(this.#settings);
  }

  hear(event: DaemonEvent): void {
    this.#probation?.hear(event);
  }

  get state(): GuardState {
    if (this.#lapsed) return "lapsed";
    return this.#probation === undefined ? "permanent" : "probation";
  }

  /** Whether the probation is running out: in a moment the kernel stops guarding by itself. */
  get isOver(): boolean {
    return this.#probation !== undefined && this.#probationLeftMs()! <= OVER_MS;
  }

  /**
   * Stops guarding, as the kernel will by itself in a moment. Throws OpError where the kernel
   * refuses.
   */
  lapse(): void {
    this.#probation = undefined;
    this.#lapsed = true;
    this.load(this.#settings);
  }

  /** Milliseconds until the end of the probation; undefined without one. */
  get leftMs(): number | undefined {
    return this.#probationLeftMs();
  }

  /** Milliseconds until `lapse` is worth a call; undefined without a probation. */
  get lapsesInMs(): number | undefined {
    const leftMs = this.#probationLeftMs();
    return leftMs === undefined ? undefined : Math.max(0, leftMs - OVER_MS + 1);
  }

  remove(): void {
    this.#kernel.remove();
    this.#unseen = undefined;
    this.#intended = undefined;
  }

  #denyOf(settings: Settings): GuardPlan["deny"] {
    return denyOf(settings, this.#kernel.closedPorts);
  }

  #probationLeftMs(): number | undefined {
    if (this.#probation === undefined) return undefined;
    return Math.max(OVER_MS, Math.round(this.#probation.endsMs - this.#clock.monotonicMs()));
  }
}
