/** Gives a connection to whoever asked for it. */

import type { Socket } from "node:net";
import { SallyportError } from "../core/errors.ts";
import { passDescriptor } from "../native/pass-descriptor.ts";
import { descriptorOf } from "./descriptor.ts";
import { pipe } from "./pipe.ts";
import type { HandOver } from "./wanted.ts";
export { wantedHandOver } from "./wanted.ts";

const STDOUT = 1;

/** Resolves when there is nothing left to do: the socket was taken, or the server has said all. */
export async function handOver(socket: Socket, how: HandOver): Promise<void> {
  // As ssh sets them on a connection of its own: a server without power is noticed, a key press leaves at once.
  socket.setKeepAlive(true);
  socket.setNoDelay(true);
  if (how === "pipe") return pipe(socket, process.stdin, process.stdout);
  if (process.platform !== "linux") {
    throw new SallyportError(
      "Cannot pass the connection: only Linux is known to: leave out --fdpass, and ProxyUseFdpass of ssh",
    );
  }
  passDescriptor(STDOUT, descriptorOf(socket));
  // Not destroyed, which could end the connection for its new owner: our copy goes with the process.
  socket.unref();
}
