/**
 * The slots that a device has used, by the terms of a link: this keeps a sequence from being sent
 * twice.
 */

import type { Clock } from "../core/clock.ts";
import { systemClock } from "../core/clock.ts";
import { slotAt } from "../rks/slot.ts";
import { SLOTS_AHEAD } from "../rks/slot-choice.ts";

/**
 * The owner of the slots: slot numbers of another length say nothing about these. A `Profile` is
 * one.
 */
export interface SlotTerms {
  readonly key: Uint8Array;
  readonly door: string;
  readonly stepSeconds: number;
}

export interface SlotStore {
  /** The highest slot used; undefined where none was. */
  last(terms: SlotTerms): number | undefined;
  /**
   * Marks a slot used, before its first packet leaves. Returns false where another knock took it
   * first, or went so far ahead that the slot is no longer known to be free: read `last` again and
   * choose another.
   */
  claim(terms: SlotTerms, slot: number): boolean;
  /** When a slot was claimed, as Unix time. Undefined where it was not, or is no longer on file. */
  claimedMs(terms: SlotTerms, slot: number): number | undefined;
  /**
   * Forgets the slots of this key and door, whatever their length, that no knock may use yet at `nowMs` (Unix
   * time): a clock that ran ahead used them. The others stay, since the server may have believed their knocks.
   */
  forgetAhead(terms: Pick<SlotTerms, "key" | "door">, nowMs: number): void;
}

/** The highest slot that a knock may use. */
export function highestUsable(nowMs: number, stepSeconds: number): number {
  return slotAt(nowMs, stepSeconds) + SLOTS_AHEAD;
}

/**
 * 128 bits that identify a key and door on this device and reveal nothing about the key:
 * HMAC-SHA-256 of "sallyport client slots" 00 door.
 */
export function slotsName({ key, door }: Pick<SlotTerms, "key" | "door">): string {
  const mac = new Bun.CryptoHasher("sha256", key).update(`sallyport client slots\0${door}`);
  return mac.digest("hex").slice(0, 32);
}

/** Lives as long as the process: for demonstrations and tests. */
export function memorySlotStore(clock: Clock = systemClock): SlotStore {
  /** By key and door, then by the length of the slots: those claimed, each higher than the one before. */
  const used = new Map<string, Map<number, { readonly slot: number; readonly atMs: number }[]>>();
  const lastOf = (terms: SlotTerms) => used.get(slotsName(terms))?.get(terms.stepSeconds)?.at(-1);
  return {
    last: (terms) => lastOf(terms)?.slot,
    claim: (terms, slot) => {
      const name = slotsName(terms);
      if (slot <= (lastOf(terms)?.slot ?? -1)) return false;
      const lengths = used.get(name) ?? new Map();
      const before = lengths.get(terms.stepSeconds) ?? [];
      used.set(name, lengths.set(terms.stepSeconds, [...before, { slot, atMs: clock.wallMs() }]));
      return true;
    },
    claimedMs: (terms, slot) => {
      const last = lastOf(terms);
      return last?.slot === slot ? last.atMs : undefined;
    },
    forgetAhead: (terms, nowMs) => {
      for (const [step, claims] of used.get(slotsName(terms)) ?? []) {
        const highest = highestUsable(nowMs, step);
        const kept = claims.filter(({ slot }) => slot <= highest);
        used.get(slotsName(terms))!.set(step, kept);
      }
    },
  };
}
