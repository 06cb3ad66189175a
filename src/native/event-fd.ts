/** A counter to wake another thread out of poll(2). */

import { Errno } from "./errno.ts";
import { errno, failure, libc } from "./libc.ts";

/** sys/eventfd.h */
const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;

const COUNTER_BYTES = 8;

/**
 * One eventfd(2). The thread that made it hands `fd` to another, which reaches the same counter
 * through `EventFd.of(fd)`. Close it once, when no thread waits on it any more.
 */
export class EventFd {
  readonly fd: number;
  readonly #counter = new BigUint64Array(1);

  private constructor(fd: number) {
    this.fd = fd;
  }

  static open(): EventFd {
    const fd = libc().eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd >= 0) return new EventFd(fd);
    throw failure(errno(), {
      operation: "open",
      object: "an eventfd",
      remedy: "raise the limit of open files (ulimit -n)",
    });
  }

  /** The counter behind a descriptor that another thread opened. */
  static of(fd: number): EventFd {
    return new EventFd(fd);
  }

  /**
   * Makes the descriptor readable until the next `clear`; several signals in between count as one.
   */
  signal(): void {
    this.#counter[0] = 1n;
    if (libc().write(this.fd, this.#counter, COUNTER_BYTES) === COUNTER_BYTES) return;
    const code = errno();
    // EAGAIN: the counter is at its maximum, so the descriptor is readable anyway.
    if (code === Errno.EAGAIN) return;
    throw failure(code, {
      operation: "signal",
      object: "an eventfd",
      remedy: "report this: it was closed too early",
    });
  }

  /** Takes the signal back. Returns whether there was one. */
  clear(): boolean {
    if (libc().read(this.fd, this.#counter, COUNTER_BYTES) === COUNTER_BYTES) return true;
    const code = errno();
    if (code === Errno.EAGAIN || code === Errno.EINTR) return false;
    throw failure(code, {
      operation: "clear",
      object: "an eventfd",
      remedy: "report this: it was closed too early",
    });
  }

  close(): void {
    libc().close(this.fd);
  }
}
