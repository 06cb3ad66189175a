/** One direction of a connection: what one stream says, into another. */

import type { Readable, Writable } from "node:stream";

/**
 * Reads no faster than is written, and ends neither stream: an iterator over a connection would end its
 * other direction, too. Resolves at the end of `from`.
 */
export function carry(from: Readable, to: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    from.on("data", (chunk) => {
      if (to.write(chunk)) return;
      from.pause();
      to.once("drain", () => from.resume());
    });
    from.once("end", resolve);
    from.once("error", reject);
    from.resume();
  });
}

/** Ends a stream; resolves when all that was written is out. */
export function flushed(stream: Writable): Promise<void> {
  return new Promise((resolve) => stream.end(() => resolve()));
}
