/** Two connections as one: what each says, the other hears, until both have said all. */

import type { Socket } from "node:net";
import { carry, flushed } from "../proxy/carry.ts";

/**
 * Once one side has ended what it says, how long the other may be silent. A connection that is open both
 * ways may be silent for ever, as those of ssh and databases are.
 */
const HALF_CLOSED_MS = 10 * 60_000;

/** How soon a peer that went away without a word is looked for. */
const KEEP_ALIVE_MS = 60_000;

/** Resolves when a socket closes before both of its directions have ended in order. */
function broken(socket: Socket): Promise<void> {
  const isWhole = () => socket.readableEnded && socket.writableFinished;
  if (socket.destroyed && !isWhole()) return Promise.resolve();
  return new Promise((resolve) => {
    socket.once("close", () => {
      if (!isWhole()) resolve();
    });
  });
}

/**
 * Carries bytes both ways, no faster than each is taken. The end of one side is passed on, and the other may
 * go on; a broken side breaks the other, so that a cut answer is not taken for a whole one. Resolves when
 * both sockets are gone.
 */
export async function relay(
  one: Socket,
  other: Socket,
  { halfClosedMs = HALF_CLOSED_MS }: { readonly halfClosedMs?: number } = {},
): Promise<void> {
  const sockets = [one, other];
  for (const socket of sockets) {
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.setNoDelay(true);
    socket.once("timeout", () => socket.destroy());
  }
  const pass = async (from: Socket, to: Socket) => {
    await carry(from, to);
    await flushed(to);
    for (const socket of sockets) socket.setTimeout(halfClosedMs);
  };
  const whole = await Promise.race([
    Promise.all([pass(one, other), pass(other, one)]).then(
      () => true,
      () => false,
    ),
    ...sockets.map((socket) => broken(socket).then(() => false)),
  ]);
  for (const socket of sockets) {
    if (whole) socket.destroy();
    else socket.resetAndDestroy();
  }
}
