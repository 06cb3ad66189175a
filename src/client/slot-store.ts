/**
 * The slots that a device has used, by the terms of a link: this keeps a sequence from being sent
 * twice.
 */

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
  /** Forgets every slot of this key and door, whatever the slots' length. */
  forget(terms: Pick<SlotTerms, "key" | "door">): void;
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
export function memorySlotStore(): SlotStore {
  const used = new Map<string, Map<number, number>>();
  return {
    last: (terms) => used.get(slotsName(terms))?.get(terms.stepSeconds),
    claim: (terms, slot) => {
      const name = slotsName(terms);
      const lasts = used.get(name) ?? new Map<number, number>();
      if (slot <= (lasts.get(terms.stepSeconds) ?? -1)) return false;
      used.set(name, lasts.set(terms.stepSeconds, slot));
      return true;
    },
    forget: (terms) => void used.delete(slotsName(terms)),
  };
}
