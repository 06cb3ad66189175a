/** Counts what happened in stories, by kind. */

export class Tally {
  readonly #counts = new Map<string, number>();

  add(kind: string, count = 1): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count);
  }

  addAll(other: Tally): void {
    for (const [kind, count] of other.#counts) this.add(kind, count);
  }

  /** "120 knock, 3 reload": the most frequent first. */
  toString(): string {
    return [...this.#counts]
      .sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1))
      .map(([kind, count]) => `${count} ${kind}`)
      .join(", ");
  }
}
