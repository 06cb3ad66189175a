/** A promise of the daemon that a story saw broken. */

export class Violation extends Error {
  override readonly name = "Violation";
  /** Equal for equal breaches: a story is shortened as long as it ends in the same one. */
  readonly promise: string;

  constructor(promise: string, detail: string) {
    super(`${promise}: ${detail}`);
    this.promise = promise;
  }
}
