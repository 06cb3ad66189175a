/** Connects to a port that may be open as it is: one attempt at each address, the first that stands wins. */

import type { Socket } from "node:net";
import { connectPaused } from "./connect.ts";
import type { Target } from "./targets.ts";

/** A connection, paused and owned by the caller, and where it leads. */
export interface Connected {
  readonly target: Target;
  readonly socket: Socket;
}

/** The next address is tried so long after the one before it, or as soon as that refuses. */
const NEXT_AFTER_MS = 100;

/**
 * An open port on the other side of the world answers by then; one that drops says nothing for ever, and
 * every connection through a closed door waits so long.
 */
const PATIENCE_MS = 250;

/**
 * The first connection that stands, addresses tried in their order. Undefined where all refused, or none
 * has answered a moment after the last was asked.
 */
export function firstOpen(
  targets: readonly Target[],
  port: number,
  patienceMs = PATIENCE_MS,
): Promise<Connected | undefined> {
  const sockets = new Set<Socket>();
  let asked = 0;
  let timer: Timer | undefined;
  return new Promise((resolve) => {
    const finish = (connected?: Connected) => {
      clearTimeout(timer);
      for (const socket of sockets) if (socket !== connected?.socket) socket.destroy();
      sockets.clear();
      asked = targets.length;
      resolve(connected);
    };
    const ask = () => {
      clearTimeout(timer);
      const target = targets[asked++]!;
      const last = asked === targets.length;
      const socket = connectPaused(target, port);
      sockets.add(socket);
      socket.once("connect", () => finish({ target, socket }));
      socket.on("error", () => {
        if (!sockets.delete(socket)) return;
        if (asked < targets.length) ask();
        else if (sockets.size === 0) finish();
      });
      timer = setTimeout(last ? () => finish() : ask, last ? patienceMs : NEXT_AFTER_MS);
    };
    ask();
  });
}
