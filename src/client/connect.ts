/** One attempt to connect that a caller may keep. */

import { createConnection } from "node:net";
import type { Socket } from "node:net";
import type { Target } from "./targets.ts";

/** A connection under way that reads nothing before it is told to, and outlives the end of what it hears. */
export function connectPaused({ address }: Target, port: number): Socket {
  const socket = createConnection({
    host: address,
    port,
    autoSelectFamily: false,
    allowHalfOpen: true,
  });
  return socket.pause();
}
