/** The descriptor behind a socket of the runtime. */

import type { Socket } from "node:net";
import { SallyportError } from "../core/errors.ts";

/** What the runtime keeps behind a `net.Socket`; Node's has the same name and property. */
interface WithHandle {
  readonly _handle?: { readonly fd?: unknown } | null;
}

/** The socket keeps its descriptor, and closes it. Throws a SallyportError where it has none. */
export function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as WithHandle;
  const fd = handle?.fd;
  if (typeof fd === "number" && fd >= 0) return fd;
  throw new SallyportError("Cannot pass the connection: it has ended: connect again");
}
