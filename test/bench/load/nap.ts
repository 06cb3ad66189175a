/** A short sleep of the calling thread. */

const asleep = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps for about `ms`, fractions too, so that a sender with nothing to do leaves its core to the daemon. */
export function nap(ms: number): void {
  Atomics.wait(asleep, 0, 0, ms);
}
