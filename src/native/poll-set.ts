/** Waits for descriptors with poll(2); blocks only the calling thread. */

import { Errno } from "./errno.ts";
import { errno, failure, libc } from "./libc.ts";

/** poll.h */
const POLLIN = 0x0001;

/** `struct pollfd { int fd; short events; short revents; }` as two 32-bit words. */
const WORDS = 2;

/** INT_MAX, the longest wait poll(2) can express: 24 days. */
const LONGEST_MS = 0x7fff_ffff;

/** What those who own a descriptor need of the set that waits for it. */
export type Polled = Pick<PollSet, "add" | "remove" | "ready">;

/**
 * A set of descriptors to wait for. Meant for a handful: every call walks the whole set. The
 * descriptors belong to the caller; remove one before closing it.
 */
export class PollSet {
  #entries = new Int32Array(8 * WORDS);
  #size = 0;

  /**
   * Waits for input on `fd` (and for errors and hang-ups, which poll always reports). Adding twice
   * is adding once.
   */
  add(fd: number): void {
    if (this.#indexOf(fd) >= 0) return;
    if (this.#size * WORDS === this.#entries.length) {
      const larger = new Int32Array(this.#entries.length * 2);
      larger.set(this.#entries);
      this.#entries = larger;
    }
    this.#entries[this.#size * WORDS] = fd;
    this.#entries[this.#size * WORDS + 1] = POLLIN; // low half: both targets are little-endian
    this.#size++;
  }

  /** Does nothing when `fd` is not in the set. */
  remove(fd: number): void {
    const at = this.#indexOf(fd);
    if (at < 0) return;
    this.#size--;
    this.#entries.copyWithin(at * WORDS, this.#size * WORDS, (this.#size + 1) * WORDS);
  }

  /**
   * Blocks until a descriptor is ready or `timeoutMs` has passed (rounded up; −1 waits for ever).
   * Returns how many are ready. A signal ends the wait early with 0, so callers loop anyway.
   */
  wait(timeoutMs: number): number {
    const timeout = timeoutMs < 0 ? -1 : Math.min(Math.ceil(timeoutMs), LONGEST_MS);
    const ready = libc().poll(this.#entries, this.#size, timeout);
    if (ready >= 0) return ready;
    const code = errno();
    if (code === Errno.EINTR) return 0; // Linux clears revents before it returns this
    throw failure(code, {
      operation: "wait for",
      object: `${this.#size} descriptors`,
      remedy: "raise the limit of open files (ulimit -n) or free memory",
    });
  }

  /** Whether the last `wait` found input, an error or a hang-up on `fd`: reading shows which. */
  ready(fd: number): boolean {
    const at = this.#indexOf(fd);
    return at >= 0 && this.#entries[at * WORDS + 1]! >>> 16 !== 0;
  }

  #indexOf(fd: number): number {
    for (let i = 0; i < this.#size; i++) if (this.#entries[i * WORDS] === fd) return i;
    return -1;
  }
}
