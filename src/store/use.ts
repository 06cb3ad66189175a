/** One remembered use of a knock: the last slot of one key at one door, under one length of slots. */

/** Like `KnownUse` of match/, but with the key's fingerprint. No other field identifies the key. */
export interface Use {
  readonly door: string;
  readonly user: string;
  readonly device: string;
  /** `keyFingerprint` of the device's key: a device with a new key starts fresh, a renamed one does not. */
  readonly fingerprint: string;
  /** The length of the slots that `slot` counts: a door with a changed `step` counts others. */
  readonly stepSeconds: number;
  /** This slot and all earlier ones are spent. */
  readonly slot: number;
  /** Canonical text of the address that used it. */
  readonly source?: string;
  /** Unix milliseconds. */
  readonly timeMs?: number;
}

/** The facts about a subject that find its uses again; a `RotatingSubject` of match/ has them. */
export interface KeyAtDoor {
  readonly door: string;
  readonly user: string;
  readonly device: string;
  readonly key: Uint8Array;
  readonly space: { readonly stepSeconds: number };
}

/**
 * 32 hexadecimal digits that identify a key and reveal nothing about it: no file of the store holds
 * a key.
 */
export function keyFingerprint(key: Uint8Array): string {
  const keyed = new Bun.CryptoHasher("sha256", key).update("sallyport\0fingerprint\0");
  return keyed.digest("hex").slice(0, 32);
}

/**
 * The uses of these subjects, under their present names; those of other keys or slot lengths are
 * left out.
 */
export function usesOf(uses: readonly Use[], subjects: Iterable<KeyAtDoor>): Use[] {
  const known = new Map(uses.map((use) => [placeOf(use), use]));
  const found: Use[] = [];
  for (const { door, user, device, key, space } of subjects) {
    const { stepSeconds } = space;
    const use = known.get(placeOf({ door, fingerprint: keyFingerprint(key), stepSeconds }));
    if (use !== undefined) found.push({ ...use, user, device });
  }
  return found;
}

/** The place of a use: one for each key, door and length of slots. */
export function placeOf(use: Pick<Use, "door" | "fingerprint" | "stepSeconds">): string {
  return `${use.door}\0${use.fingerprint}\0${use.stepSeconds}`;
}

/**
 * Eight bytes over the only serialisation of a use. A page that rotted can still be well-formed to
 * SQLite; this reveals a changed slot.
 */
export function sealOf(use: Use): Uint8Array {
  const { door, fingerprint, user, device, stepSeconds, slot } = use;
  const { source = null, timeMs = null } = use;
  const text = JSON.stringify([door, fingerprint, user, device, stepSeconds, slot, source, timeMs]);
  return new Bun.CryptoHasher("sha256").update(text).digest().subarray(0, 8);
}
