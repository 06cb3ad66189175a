/** One guard per network namespace, because there is one table there. */

import {
  type AbstractClaim,
  claimAbstractSocket,
  isHeldByOurs,
} from "../native/abstract-socket.ts";

/** Abstract sockets are per network namespace too, and vanish with their process. */
const NAME = "sallyport.guard";

/** Undefined when a daemon of root or of our own user guards this network namespace. */
export function claimGuard(): AbstractClaim | undefined {
  return claimAbstractSocket(NAME);
}

/** Whether such a daemon runs. */
export function isGuarding(): boolean {
  return isHeldByOurs(NAME);
}
