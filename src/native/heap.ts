/** The memory of this process, and the garbage-collected one of the calling thread. */

/** Undefined where the runtime cannot read /proc, which it asks for all of them: no descriptor is free. */
function readable(measure: () => number): number | undefined {
  try {
    return measure();
  } catch {
    return undefined;
  }
}

/**
 * Bytes that this thread's heap takes, with what was allocated since the last collection, which the size that the engine
 * tells leaves out. Undefined while no descriptor is free. Takes some microseconds.
 */
export function heapBytes(): number | undefined {
  return readable(() => process.memoryUsage().heapTotal);
}

/** Bytes of memory that the process holds. Undefined while no descriptor is free. */
export function residentBytes(): number | undefined {
  return readable(() => process.memoryUsage.rss());
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
  readonly #held: () => number | undefined;
  /** Infinity while nothing was measured. */
  #leastBytes: number;

  /** @param held the bytes that the heap takes, where they can be read. */
  constructor(held: () => number | undefined = heapBytes) {
    this.#held = held;
    this.#leastBytes = held() ?? Infinity;
  }

  /** Whether a collection is worth its time. Measures. */
  isWorthwhile(): boolean {
    return this.measure() >= WORTHWHILE_BYTES;
  }

  /** Bytes since the last collection; 0 where nothing can be read. Measures. */
  measure(): number {
    const bytes = this.#held();
    if (bytes === undefined) return 0;
    this.#leastBytes = Math.min(this.#leastBytes, bytes);
    return bytes - this.#leastBytes;
  }

  /** Call it after a collection. */
  collected(): void {
    this.#leastBytes = this.#held() ?? Infinity;
  }
}
