/** Runs a function with the calling thread in another network namespace. */

import { openSync } from "node:fs";
import { enterNamespace } from "../../src/native/net-namespace.ts";

/** Kept open: later, /proc/self/ns/net names whatever the thread is in by then. */
const home = `/proc/self/fd/${openSync("/proc/self/ns/net", "r")}`;

/**
 * Calls `fn` inside the namespace that `ip netns` knows as `name`, and comes back. Synchronous only:
 * what would run between two awaits belongs to other namespaces. Sockets opened inside stay there.
 */
export function inside<T>(name: string, fn: () => T): T {
  enterNamespace(`/run/netns/${name}`);
  try {
    return fn();
  } finally {
    enterNamespace(home);
  }
}
