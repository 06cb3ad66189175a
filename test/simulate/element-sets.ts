/** The sets of our table: elements that end by themselves, and changes of which all happen or none. */

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
type ElementSet = Map<string, Element>;

/** One message of a transaction. */
export interface Change {
  readonly sequence: number;
  readonly set: string;
  readonly key: Uint8Array;
  /** Undefined: delete. */
  readonly add?: { readonly ms: number; readonly exclusive: boolean; readonly comment: Uint8Array };
}

export interface SetTerms {
  /** The room of each set; the real one is 65,536. */
  readonly setSize: number;
  /** Newer kernels move the end of an element that is added again. */
  readonly movesEnds: boolean;
}

/** Elements whose time is over take their place until the kernel's collector comes round. */
const COLLECT_MS = 1_000;

export class ElementSets {
  readonly #agenda: Agenda;
  readonly #terms: SetTerms;
  readonly #wasFull: () => void;
  readonly #sets = new Map<string, ElementSet>();

  /** `wasFull` hears of each element for which a set has no room. */
  constructor(agenda: Agenda, terms: SetTerms, wasFull: () => void) {
    this.#agenda = agenda;
    this.#terms = terms;
    this.#wasFull = wasFull;
  }

  names(): string[] {
    return [...this.#sets.keys()];
  }

  /** The living elements of a set; undefined where it does not exist. */
  living(set: string): Element[] | undefined {
    const found = this.#sets.get(set);
    if (found?.size === 0) return [];
    return found && [...found.values()].filter((element) => this.#lives(element));
  }

  find(set: string, key: string): Element | undefined {
    const element = this.#sets.get(set)?.get(key);
    return element !== undefined && this.#lives(element) ? element : undefined;
  }

  /** When the first of the living elements ends; Infinity where there are none. */
  get nextEndMs(): number {
    let first = Infinity;
    for (const set of this.#sets.values()) {
      for (const { endMs } of set.values()) {
        if (endMs > this.#agenda.monotonicMs()) first = Math.min(first, endMs);
      }
    }
    return first;
  }

  /** Frees the elements that are over, as the collector does in the long run. */
  collect(): void {
    for (const set of this.#sets.values()) {
      for (const [key, element] of set) if (!this.#lives(element)) set.delete(key);
    }
  }

  /** Makes the sets that are lacking; those of other idle times go where they hold nothing. */
  define(idleMs: readonly number[]): void {
    const wanted = new Set(setDefinitions(idleMs).keys());
    for (const name of wanted) {
      if (!this.#sets.has(name)) this.#sets.set(name, new Map());
    }
    for (const name of this.names()) {
      const idle = /^(?:idle|cap)([46]_.*)$/.exec(name)?.[1];
      if (idle === undefined || wanted.has(name)) continue;
      const holds = ["4", "6"].some(
        (family) => (this.living(`idle${family}${idle.slice(1)}`)?.length ?? 0) > 0,
      );
      if (!holds) this.#sets.delete(name);
    }
  }

  delete(set: string, key: string): void {
    this.#sets.get(set)?.delete(key);
  }

  /** Deletes the elements of some sets, or a single one of each. Returns whether grants for one connection were there. */
  empty(which: (set: string) => boolean, single?: number): boolean {
    let tookOnce = false;
    for (const [name, set] of this.#sets) {
      if (!which(name)) continue;
      if (set.size > 0 && name.startsWith("one")) tookOnce = true;
      if (single === undefined) set.clear();
      else set.delete([...set.keys()][single % Math.max(1, set.size)] ?? "");
    }
    return tookOnce;
  }

  /**
   * Looks at every message, so there may be several refusals; without one, all changes have happened. The `busy` one
   * is refused.
   */
  apply(changes: readonly Change[], busy?: Change): readonly Refusal[] {
    const undo: (() => void)[] = [];
    const refusals: Refusal[] = [];
    for (const change of changes) {
      const code = this.#apply(change, undo) || (change === busy ? Errno.EBUSY : 0);
      if (code !== 0) refusals.push({ sequence: change.sequence, code, text: "" });
    }
    if (refusals.length > 0) for (const back of undo.toReversed()) back();
    return refusals;
  }

  #apply({ set: name, key, add }: Change, undo: (() => void)[]): number {
    const set = this.#sets.get(name);
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
      if (!this.#terms.movesEnds) return 0;
      undo.push(back);
      set.set(text, { ...before, endMs });
      return 0;
    }
    if (!this.#hasRoom(set)) {
      this.#wasFull();
      return Errno.ENFILE;
    }
    undo.push(back);
    set.set(text, { key, endMs, comment: add.comment });
    return 0;
  }

  #hasRoom(set: ElementSet): boolean {
    if (set.size < this.#terms.setSize) return true;
    const longOver = this.#agenda.monotonicMs() - COLLECT_MS;
    for (const [key, { endMs }] of set) if (endMs <= longOver) set.delete(key);
    return set.size < this.#terms.setSize;
  }

  #lives({ endMs }: Element): boolean {
    return endMs > this.#agenda.monotonicMs();
  }
}
