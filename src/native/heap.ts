/** The garbage-collected memory of the calling thread. */

/**
 * Bytes that this thread's heap takes, with what was allocated since the last collection, which the size that the engine
 * tells leaves out. Takes some microseconds.
 */
export function heapBytes(): number {
  return process.memoryUsage().heapTotal;
}

/** Collects all garbage of this thread: some hundredths of a second. */
export function collectGarbage(): void {
  Bun.gc(true);
}

/**
 * So much garbage is worth a collection: what is used lies scattered among what was garbage, in blocks that stay. The
 * fewer there ever were at once, the less the heap takes for good.
 */
const WORTHWHILE_BYTES = 1 << 20;

/** What the calling thread's heap has grown by since the last collection, whoever asked for it. */
export class HeapGrowth {
  readonly #held: () => number;
  #leastBytes: number;

  /** @param held the bytes that the heap takes. */
  constructor(held = heapBytes) {
    this.#held = held;
    this.#leastBytes = held();
  }

  /** Whether a collection is worth its time. Measures. */
  isWorthwhile(): boolean {
    return this.measure() >= WORTHWHILE_BYTES;
  }

  /** Bytes since the last collection. Measures. */
  measure(): number {
    const bytes = this.#held();
    this.#leastBytes = Math.min(this.#leastBytes, bytes);
    return bytes - this.#leastBytes;
  }

  /** Call it after a collection. */
  collected(): void {
    this.#leastBytes = this.#held();
  }
}
