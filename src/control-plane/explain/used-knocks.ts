/**
 * The knocks that opened a door, with source and time. Kept longer than a matcher needs them, and
 * only to explain.
 */

import { type Address, type Family, parseAddress } from "../../core/address.ts";
import type { DaemonEvent } from "../../core/events.ts";
import type { Grant } from "../../core/grant.ts";
import type { KnownUse, RotatingSubject } from "../../match/subject.ts";

/** As many as the memory of sources can hold tries; the oldest goes first. */
const MOST = 8_192;

/**
 * A door has at most 63 letters of ASCII, a user and a device have 32; each ends with a zero. One block of memory for all:
 * objects of a heap that come with each knock and stay for hours hold the memory of what came beside them.
 */
const NAMES_BYTES = 64 + 33 + 33;

/** An address is four words. */
const WORDS = 4;

/** A use, and the life of the grant that it opened. */
export interface EndedUse extends KnownUse {
  /** Unix milliseconds; Infinity while the grant lives, absent where its end is not known. */
  readonly endedMs?: number;
}

type Holder = Pick<KnownUse, "door" | "user" | "device">;

export class UsedKnocks {
  readonly #names = new Uint8Array(MOST * NAMES_BYTES);
  readonly #slots = new Float64Array(MOST);
  readonly #stepSeconds = new Float64Array(MOST);
  readonly #timesMs = new Float64Array(MOST);
  readonly #words = new Uint32Array(MOST * WORDS);
  /** The ids of the grants, as numbers, and when these ended. */
  readonly #grants = new Float64Array(MOST);
  readonly #endedMs = new Float64Array(MOST);
  /** 0 where nothing is kept. */
  readonly #families = new Uint8Array(MOST);
  #next = 0;

  hear(event: DaemonEvent): void {
    if (event.type === "grant.closed") this.#end(event);
    if (event.type !== "grant.opened" || event.used === undefined) return;
    const { grant, used, atMs } = event;
    const { door, user, device } = grant;
    const source = parseAddress(event.source);
    if (user === undefined || device === undefined || source === undefined) return;
    const names = namesOf({ door, user, device });
    if (names.length > NAMES_BYTES) return;
    const known = this.#find(names, used.stepSeconds, used.slot);
    const at = known ?? this.#next;
    if (known === undefined) this.#next = (at + 1) % MOST;
    this.#names.fill(0, at * NAMES_BYTES, (at + 1) * NAMES_BYTES).set(names, at * NAMES_BYTES);
    this.#slots[at] = used.slot;
    this.#stepSeconds[at] = used.stepSeconds;
    this.#timesMs[at] = atMs;
    this.#grants[at] = numberOf(grant);
    this.#endedMs[at] = Infinity;
    this.#words.set([source.a0, source.a1, source.a2, source.a3], at * WORDS);
    this.#families[at] = source.family;
  }

  /** The use of a slot by a device at a door, by any terms; undefined where it opened nothing. */
  find(subject: RotatingSubject, slot: number): EndedUse | undefined {
    const at = this.#find(namesOf(subject), subject.space.stepSeconds, slot);
    return at === undefined ? undefined : this.#read(at);
  }

  /** The uses from an address. */
  from({ family, a0, a1, a2, a3 }: Address): EndedUse[] {
    const uses: EndedUse[] = [];
    const words = this.#words;
    for (let at = 0; at < MOST; at++) {
      if (this.#families[at] !== family || words[at * WORDS] !== a0) continue;
      const [, b1, b2, b3] = words.subarray(at * WORDS, (at + 1) * WORDS);
      if (b1 === a1 && b2 === a2 && b3 === a3) uses.push(this.#read(at));
    }
    return uses;
  }

  /** A grant that others renewed is theirs too: it ends for all of them. */
  #end({ grant, reason, atMs }: Extract<DaemonEvent, { type: "grant.closed" }>): void {
    if (grant.via !== "rotating") return;
    const id = numberOf(grant);
    // Traffic prolongs an idle one; others are told of a little after their end.
    const isOnTime = reason === "expired" && grant.kind !== "idle";
    const endedMs = isOnTime ? Math.min(atMs, grant.expiresMs) : atMs;
    for (let at = 0; at < MOST; at++) {
      if (this.#grants[at] === id && this.#endedMs[at] === Infinity) this.#endedMs[at] = endedMs;
    }
  }

  #find(names: Uint8Array, stepSeconds: number, slot: number): number | undefined {
    for (let at = 0; at < MOST; at++) {
      if (this.#slots[at] !== slot || this.#stepSeconds[at] !== stepSeconds) continue;
      const own = this.#names.subarray(at * NAMES_BYTES, at * NAMES_BYTES + names.length);
      if (this.#families[at] !== 0 && Buffer.compare(own, names) === 0) return at;
    }
    return undefined;
  }

  #read(at: number): EndedUse {
    const names = this.#names.subarray(at * NAMES_BYTES, (at + 1) * NAMES_BYTES);
    const [door, user, device] = textOf(names);
    const [a0 = 0, a1 = 0, a2 = 0, a3 = 0] = this.#words.subarray(at * WORDS, (at + 1) * WORDS);
    return {
      door,
      user,
      device,
      stepSeconds: this.#stepSeconds[at]!,
      slot: this.#slots[at]!,
      source: { family: this.#families[at] as Family, a0, a1, a2, a3 },
      timeMs: this.#timesMs[at]!,
      endedMs: this.#endedMs[at]!,
    };
  }
}

/** Ten hexadecimal digits are less than the largest whole number. */
function numberOf({ id }: Pick<Grant, "id">): number {
  return Number.parseInt(id, 16);
}

/** Each name with its end; none has a zero in it. */
function namesOf({ door, user, device }: Holder): Uint8Array {
  return Buffer.from(`${door}\0${user}\0${device}\0`);
}

/** The inverse of `namesOf`; more zeros may follow. */
function textOf(names: Uint8Array): [door: string, user: string, device: string] {
  const [door = "", user = "", device = ""] = Buffer.from(names).toString().split("\0");
  return [door, user, device];
}
