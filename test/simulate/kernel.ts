/**
 * A kernel in memory: the sets of the table, whose elements end by themselves, and transactions that
 * happen whole or not at all. It knows nothing of grants; the real `KernelGrants` works on it.
 */

import { OpError } from "../../src/core/errors.ts";
import type { GuardedRange, GuardPlan } from "../../src/firewall/guard-plan.ts";
import type { Refusal } from "../../src/firewall/nft-socket.ts";
import { setDefinitions } from "../../src/firewall/sets.ts";
import { Errno } from "../../src/native/errno.ts";
import type { Agenda } from "./agenda.ts";

export interface Element {
  readonly key: Uint8Array;
  /** Monotonic milliseconds. */
  endMs: number;
  readonly comment: Uint8Array;
}

/** By the key in hexadecimal digits. */
export type SimulatedSet = Map<string, Element>;

/** One message of a transaction. */
export interface Change {
  readonly sequence: number;
  readonly set: string;
  readonly key: Uint8Array;
  /** Undefined: delete. */
  readonly add?: { readonly ms: number; readonly exclusive: boolean; readonly comment: Uint8Array };
}

/** A transaction that happened. */
export interface Committed {
  readonly changes: readonly Change[];
}

/**
 * What becomes of a transaction: the kernel refuses it, has no memory for its reply, or moves the elements of a set
 * just now.
 */
const CHANGE_FAULTS = ["no memory", "no reply", "a busy set"] as const;
export type ChangeFault = (typeof CHANGE_FAULTS)[number];
/** What becomes of a question: others change the set at each try to list it, or the answers of a look-up are lost. */
export type ReadFault = "an interrupted list" | "a lost answer";
export type KernelFault = ChangeFault | ReadFault;

/** The longest time that a notice is late. */
const LATE_MS = 2_000;

/** Elements whose time is over take their place until the kernel's collector comes round. */
const COLLECT_MS = 1_000;

export interface KernelTerms {
  /** The room of each set; the real one is 65,536. */
  readonly setSize: number;
  /** Newer kernels move the end of an element that is added again. */
  readonly movesEnds: boolean;
}

export class SimulatedKernel {
  readonly #agenda: Agenda;
  readonly terms: KernelTerms;
  /** Undefined: there is no table. */
  #sets: Map<string, SimulatedSet> | undefined;
  /** What somebody else added to the rules; undefined: there are none. */
  #rules: string | undefined;
  #plan: GuardPlan | undefined;
  #loadedMs = 0;
  #doubtUntilMs = -Infinity;
  /** Counts what was done to the table. */
  #changes = 0;
  /** The next transactions fail in these ways. */
  readonly faults: ChangeFault[] = [];
  /** The next lists and look-ups fail in these ways. */
  readonly #readFaults: ReadFault[] = [];
  #lateUntilMs = -Infinity;
  #random: (below: number) => number = () => 0;
  /** So many transactions happened unheard. */
  unheard = 0;
  /** Whoever listens hears of each change by `origin`, a socket; 0 is somebody else's. */
  changed: (origin: number, tookOnce: boolean) => void = () => {};
  /** One of the faults came true, or a set had no room for an element. */
  faulted: (fault: KernelFault | "a full set" | "lost notices") => void = () => {};
  /** A guard was loaded. */
  loaded: (plan: GuardPlan) => void = () => {};
  /** Sees every transaction before its sender does. */
  committed: (done: Committed) => void = () => {};

  constructor(agenda: Agenda, terms: KernelTerms) {
    this.#agenda = agenda;
    this.terms = terms;
  }

  /** The next transaction, list or look-up fails in this way. */
  fail(fault: KernelFault): void {
    if (isChangeFault(fault)) this.faults.push(fault);
    else this.#readFaults.push(fault);
  }

  /** Whether the next question fails in this way, as somebody wanted. */
  fails(fault: ReadFault): boolean {
    const at = this.#readFaults.indexOf(fault);
    if (at < 0) return false;
    this.#readFaults.splice(at, 1);
    this.faulted(fault);
    return true;
  }

  /** Nothing fails any more, and notices come at once. */
  mend(): void {
    this.faults.length = 0;
    this.#readFaults.length = 0;
    this.#lateUntilMs = -Infinity;
  }

  /** For so long, notices come late and in another order, and some of them are lost. */
  delayNotices(forMs: number, random: (below: number) => number): void {
    this.#lateUntilMs = this.#agenda.monotonicMs() + forMs;
    this.#random = random;
  }

  #tell(origin: number, tookOnce: boolean): void {
    const listener = this.changed;
    if (this.#agenda.monotonicMs() >= this.#lateUntilMs) {
      listener(origin, tookOnce);
      return;
    }
    const lost = this.#random(4) === 0;
    this.#agenda.after(this.#random(LATE_MS), () => {
      if (lost) this.faulted("lost notices");
      // Whoever lost some is told so, and nothing else.
      listener(...(lost ? ([0, true] as const) : ([origin, tookOnce] as const)));
    });
  }

  get hasTable(): boolean {
    return this.#sets !== undefined;
  }

  /** Whether a table stands that says nothing of forgotten uses. */
  get remembers(): boolean {
    return this.hasTable && this.#agenda.monotonicMs() >= this.#doubtUntilMs;
  }

  /** The living elements of a set; undefined where it does not exist. */
  living(set: string): Element[] | undefined {
    const found = this.#sets?.get(set);
    if (found?.size === 0) return [];
    return found && [...found.values()].filter((element) => this.#lives(element));
  }

  find(set: string, key: string): Element | undefined {
    const element = this.#sets?.get(set)?.get(key);
    return element !== undefined && this.#lives(element) ? element : undefined;
  }

  /** Another number after each change to the table, and no other sign of one. */
  get changes(): number {
    return this.#changes;
  }

  /** When the first of the living elements ends; Infinity where there are none. */
  get nextEndMs(): number {
    let first = Infinity;
    for (const set of this.#sets?.values() ?? []) {
      for (const { endMs } of set.values()) {
        if (endMs > this.#agenda.monotonicMs()) first = Math.min(first, endMs);
      }
    }
    return first;
  }

  /** Frees the elements that are over, as the collector does in the long run. */
  collect(): void {
    for (const set of this.#sets?.values() ?? []) {
      for (const [key, element] of set) if (!this.#lives(element)) set.delete(key);
    }
  }

  /** Ports that are guarded for a time stay so, since somebody loads the guard again and again. */
  loadedLater(byMs: number): void {
    this.#loadedMs += byMs;
  }

  setNames(): string[] {
    return [...(this.#sets?.keys() ?? [])];
  }

  /** The packet path deletes an element. */
  spend(set: string, key: string): void {
    this.#changes++;
    this.#sets?.get(set)?.delete(key);
  }

  /** The rules and lists that are in force now, as a text; undefined where there are none. */
  get fingerprint(): string | undefined {
    if (this.#rules === undefined || this.#plan === undefined) return undefined;
    return JSON.stringify({ ...this.#plan, guarded: this.guardedRanges }) + this.#rules;
  }

  /** Whether nobody gets to the port without a grant. */
  isGuarded(port: number): boolean {
    return this.guardedRanges.some(({ from, to }) => from <= port && port <= to);
  }

  get guardedRanges(): GuardedRange[] {
    const ageMs = this.#agenda.monotonicMs() - this.#loadedMs;
    return (this.#plan?.guarded ?? []).filter(({ forMs = Infinity }) => ageMs < forMs);
  }

  /**
   * As `loadGuard`: sets of grants and uses stay, those of idle times that hold nothing go. Throws
   * where the kernel refuses; it then keeps what it had.
   */
  load(plan: GuardPlan): void {
    if (this.faults[0] === "no memory") {
      this.faults.shift();
      this.faulted("no memory");
      throw refused();
    }
    this.#changes++;
    const sets = (this.#sets ??= new Map<string, SimulatedSet>());
    for (const name of setDefinitions([...plan.idleMs]).keys()) {
      if (!sets.has(name)) sets.set(name, new Map());
    }
    const wanted = new Set(setDefinitions([...plan.idleMs]).keys());
    for (const name of [...sets.keys()]) {
      const idle = /^(?:idle|cap)([46]_.*)$/.exec(name)?.[1];
      if (idle === undefined || wanted.has(name)) continue;
      const holds = ["4", "6"].some(
        (family) => (this.living(`idle${family}${idle.slice(1)}`)?.length ?? 0) > 0,
      );
      if (!holds) sets.delete(name);
    }
    const { doubtMs, ...rules } = plan;
    this.#plan = rules;
    this.#rules = "";
    this.#doubtUntilMs = this.#agenda.monotonicMs() + (doubtMs ?? -Infinity);
    this.#loadedMs = this.#agenda.monotonicMs();
    this.loaded(plan);
    this.#tell(-1, false);
  }

  /** Another program flushes the rule set, or deletes the table. */
  flush(): void {
    this.#changes++;
    this.#sets = undefined;
    this.#rules = undefined;
    this.#plan = undefined;
    this.#tell(0, true);
  }

  /** Another program changes a rule. */
  spoilRules(): void {
    this.#changes++;
    if (this.#rules !== undefined) this.#rules += " and a rule of somebody else";
    this.#tell(0, false);
  }

  /**
   * Another program deletes the elements of some sets, or a single one of each; the notification may
   * be lost.
   */
  empty(which: (set: string) => boolean, unheard: boolean, single?: number): void {
    let tookOnce = false;
    this.#changes++;
    for (const [name, set] of this.#sets ?? []) {
      if (!which(name)) continue;
      if (set.size > 0 && name.startsWith("one")) tookOnce = true;
      if (single === undefined) set.clear();
      else set.delete([...set.keys()][single % Math.max(1, set.size)] ?? "");
    }
    if (!unheard) this.#tell(0, tookOnce);
  }

  /** The machine starts anew. */
  reboot(): void {
    this.#changes++;
    this.#sets = undefined;
    this.#rules = undefined;
    this.#plan = undefined;
    this.mend();
    this.changed = () => {};
  }

  /** All changes or none. The kernel looks at every message, so there may be several refusals. */
  commit(changes: readonly Change[], origin: number): readonly Refusal[] {
    this.#agenda.tick();
    const fault = this.faults.shift();
    const busy =
      fault === "a busy set" ? changes.findLast(({ add }) => add !== undefined) : undefined;
    if (fault !== undefined && (fault !== "a busy set" || busy !== undefined)) this.faulted(fault);
    if (fault === "no memory") return [{ sequence: 0, code: Errno.ENOBUFS, text: "" }];
    const undo: (() => void)[] = [];
    const refusals: Refusal[] = [];
    let took = false;
    for (const change of changes) {
      const code = this.#apply(change, undo);
      if (code !== 0) refusals.push({ sequence: change.sequence, code, text: "" });
      took ||= change.add === undefined && change.set.startsWith("one");
    }
    if (busy !== undefined) {
      refusals.push({ sequence: busy.sequence, code: Errno.EBUSY, text: "" });
    }
    if (refusals.length > 0) {
      for (const back of undo.toReversed()) back();
      return refusals;
    }
    if (changes.length > 0) this.#changes++;
    this.committed({ changes });
    this.#tell(origin, took);
    if (fault === "no reply") this.unheard++;
    return fault === "no reply" ? [{ sequence: 0, code: Errno.ENOBUFS, text: "" }] : [];
  }

  #apply({ set: name, key, add }: Change, undo: (() => void)[]): number {
    const set = this.#sets?.get(name);
    if (set === undefined) return Errno.ENOENT;
    const text = key.toHex();
    const stood = set.get(text);
    const before = stood !== undefined && this.#lives(stood) ? stood : undefined;
    const back = () => {
      if (stood === undefined) set.delete(text);
      else set.set(text, stood);
    };
    if (add === undefined) {
      if (before === undefined) return Errno.ENOENT;
      undo.push(back);
      set.delete(text);
      return 0;
    }
    const endMs = this.#agenda.monotonicMs() + add.ms;
    if (before !== undefined) {
      if (add.exclusive) return Errno.EEXIST;
      if (!this.terms.movesEnds) return 0;
      undo.push(back);
      set.set(text, { ...before, endMs });
      return 0;
    }
    if (!this.#hasRoom(set)) {
      this.faulted("a full set");
      return Errno.ENFILE;
    }
    undo.push(back);
    set.set(text, { key, endMs, comment: add.comment });
    return 0;
  }

  #hasRoom(set: SimulatedSet): boolean {
    if (set.size < this.terms.setSize) return true;
    const longOver = this.#agenda.monotonicMs() - COLLECT_MS;
    for (const [key, { endMs }] of set) if (endMs <= longOver) set.delete(key);
    return set.size < this.terms.setSize;
  }

  #lives({ endMs }: Element): boolean {
    return endMs > this.#agenda.monotonicMs();
  }
}

function isChangeFault(fault: KernelFault): fault is ChangeFault {
  return CHANGE_FAULTS.some((one) => one === fault);
}

function refused(): OpError {
  const detail = "Cannot allocate memory";
  return new OpError({
    operation: "load",
    object: "the guard",
    code: Errno.ENOBUFS,
    detail,
    remedy: "",
  });
}
