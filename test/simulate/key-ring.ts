/** Who has which key, what keys.toml says, and which keys count: decided by what people did and were told. */

import { type DeviceKey, formatKeys } from "../../src/keys/keys.ts";
import { type Person, PEOPLE } from "./world.ts";

/** A key that a device was given. */
export interface Issued extends DeviceKey {
  /** Another one for each key. */
  readonly id: string;
}

/** How somebody changes the key of a device: `return` puts back the one that was removed. */
export type KeyChange = "remove" | "return" | "replace";

export class KeyRing {
  /** The newest key of each person. */
  readonly #newest = PEOPLE.map((person) => issue(person, 0));
  readonly #changed = new Set<string>();
  readonly #count = PEOPLE.map(() => 0);
  readonly #listed = new Set(this.#newest.map(({ id }) => id));
  /** Those that may open something: listed, or removed and nobody was told so yet. */
  readonly #living = new Map(this.#newest.map((key) => [key.id, key]));
  #livingNow: readonly Issued[] | undefined;
  /** Those that must open: somebody was told that they do. */
  readonly #working = new Set(this.#listed);
  readonly #issued = new Map(this.#living);
  /** Nobody can read the file as it is. */
  isSpoilt = false;

  /** The key that this person knocks with, whether it is listed or not. */
  of(person: number): Issued {
    return this.#newest[person]!;
  }

  /** Keys that may open something now: the same list until one comes or goes. */
  get living(): readonly Issued[] {
    return (this.#livingNow ??= [...this.#living.values()]);
  }

  /** Whether a right knock with this key must open. */
  works(id: string): boolean {
    return this.#working.has(id);
  }

  /** Whether this device's key was ever removed or replaced. */
  hasChanged(user: string, device: string): boolean {
    return this.#changed.has(`${user}/${device}`);
  }

  /** The text of keys.toml. */
  get text(): string {
    return formatKeys(this.living.filter(({ id }) => this.#listed.has(id)));
  }

  get listed(): ReadonlySet<string> {
    return new Set(this.#listed);
  }

  /** Somebody spoils the file. */
  spoil(): void {
    this.isSpoilt = true;
  }

  /** Somebody writes the whole file again. */
  mend(): void {
    this.isSpoilt = false;
  }

  /** A daemon works by keys of which nobody can know whether the disk took them. */
  doubt(): void {
    this.#working.clear();
    for (const [id, key] of this.#issued) this.#living.set(id, key);
    this.#livingNow = undefined;
  }

  /** Somebody changes a key, and writes the whole file. */
  change(person: number, how: KeyChange): void {
    this.isSpoilt = false;
    const before = this.of(person);
    if (how !== "return") {
      this.#changed.add(`${before.user}/${before.device}`);
      this.#listed.delete(before.id);
      this.#working.delete(before.id);
    }
    if (how === "remove") return;
    const key = how === "return" ? before : issue(PEOPLE[person]!, ++this.#count[person]!);
    this.#newest[person] = key;
    this.#listed.add(key.id);
    this.#living.set(key.id, key);
    this.#issued.set(key.id, key);
    this.#livingNow = undefined;
  }

  /** A daemon has read the file when it held these keys, unless it is spoilt. Returns those that are gone since. */
  wasRead(listed: ReadonlySet<string>): Issued[] {
    if (this.isSpoilt) return [];
    const gone: Issued[] = [];
    for (const [id, key] of this.#living) {
      if (this.#listed.has(id)) {
        if (listed.has(id)) this.#working.add(id);
      } else if (!listed.has(id)) {
        this.#living.delete(id);
        this.#livingNow = undefined;
        gone.push(key);
      }
    }
    return gone;
  }
}

function issue({ user, device }: Person, number: number): Issued {
  const id = `${user}/${device}${number === 0 ? "" : ` ${number}`}`;
  const key = Uint8Array.from(new Bun.CryptoHasher("sha256").update(id).digest());
  return { user, device, id, key };
}
