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
