/** Carries bytes between a connection and two streams until the server has said all. */

import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { messageOf, SallyportError } from "../core/errors.ts";
import { carry, flushed } from "./carry.ts";

/**
 * The end of `input` becomes the end of what the server hears, and what it still says arrives. The end of
 * what the server says is the end of all, as with nc: our standard output cannot be closed before the
 * process ends, and whoever reads it waits for that. Throws a SallyportError where the connection broke; an
 * error of `output` is its owner's.
 */
export async function pipe(socket: Socket, input: Readable, output: Writable): Promise<void> {
  const broken = new Promise<never>((_, reject) => socket.once("error", reject));
  const said = carry(input, socket).then(() => void socket.end());
  const heard = carry(socket, output).then(() => flushed(output));
  try {
    await Promise.race([heard, broken]);
  } catch (cause) {
    throw new SallyportError(
      `Cannot go on with the connection: ${messageOf(cause)}: the server or a network on the way ended it`,
      undefined,
      { cause },
    );
  } finally {
    // None may keep the process, nor end it with an error that nobody waits for.
    for (const part of [said, heard, broken]) part.catch(() => {});
    input.destroy();
    socket.destroy();
  }
}
