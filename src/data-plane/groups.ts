/** Values by key, where most keys have one: a list is made only for several. */

export class Groups<T extends object> {
  readonly #groups = new Map<string, T | T[]>();

  has(key: string): boolean {
    return this.#groups.has(key);
  }

  /** In the order they were added. */
  of(key: string): readonly T[] {
    const found = this.#groups.get(key);
    if (found === undefined) return [];
    return Array.isArray(found) ? found : [found];
  }

  add(key: string, thing: T): void {
    const found = this.#groups.get(key);
    if (found === undefined) this.#groups.set(key, thing);
    else if (Array.isArray(found)) found.push(thing);
    else this.#groups.set(key, [found, thing]);
  }

  take(key: string, thing: T): void {
    const found = this.#groups.get(key);
    if (found === thing) this.#groups.delete(key);
    if (!Array.isArray(found)) return;
    const left = found.filter((one) => one !== thing);
    if (left.length === 1) this.#groups.set(key, left[0]!);
    else this.#groups.set(key, left);
  }
}
