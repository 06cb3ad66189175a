/** Runs a function with the calling thread in another network namespace. */

import { enterNamespace } from "../../src/native/net-namespace.ts";

/**
 * Calls `fn` inside the namespace that `ip netns` knows as `name`, and comes back. Synchronous
 * only: code between two awaits could belong to other namespaces. Sockets opened inside stay there.
 */
export function inside<T>(name: string, fn: () => T): T {
  using _ = enterNamespace(`/run/netns/${name}`);
  return fn();
}
