/** The slots a device has used, by key and door: what keeps a sequence from being sent twice. */

export interface SlotStore {
  /** The highest slot used; undefined where none is. */
  last(key: Uint8Array, door: string): number | undefined;
  /**
   * Marks a slot used, before its first packet leaves. False where another knock had it first, or went
   * so far ahead that the slot is no longer known to be free: read `last` again and choose another.
   */
  claim(key: Uint8Array, door: string, slot: number): boolean;
  /** Forgets every slot of this key and door. */
  forget(key: Uint8Array, door: string): void;
}

/**
 * 128 bits that name a key and door to this device and say nothing about the key: HMAC-SHA-256 of
 * "sallyport client slots" 00 door.
 */
export function slotsName(key: Uint8Array, door: string): string {
  const mac = new Bun.CryptoHasher("sha256", key).update(`sallyport client slots\0${door}`);
  return mac.digest("hex").slice(0, 32);
}

/** For one process and its life: demonstrations and tests. */
export function memorySlotStore(): SlotStore {
  const used = new Map<string, number>();
  return {
    last: (key, door) => used.get(slotsName(key, door)),
    claim: (key, door, slot) => {
      const name = slotsName(key, door);
      if (slot <= (used.get(name) ?? -1)) return false;
      used.set(name, slot);
      return true;
    },
    forget: (key, door) => void used.delete(slotsName(key, door)),
  };
}
