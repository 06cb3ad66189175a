/** The addresses of profiles' hosts, looked up for programs that dial an address. */

import type { Network } from "../client/attempts.ts";
import type { Clock } from "../core/clock.ts";
import type { LookUp } from "./routes.ts";

/** A page opens dozens of connections, and each would look all hosts up. */
const FRESH_MS = 10_000;

/** Remembers what it found for a few seconds, that a name has no address included. */
export function rememberingLookUp(network: Network, clock: Clock): LookUp {
  const known = new Map<string, { readonly atMs: number; readonly found: Promise<string[]> }>();
  return (host) => {
    const nowMs = clock.monotonicMs();
    const remembered = known.get(host);
    if (remembered !== undefined && nowMs - remembered.atMs < FRESH_MS) return remembered.found;
    const found = network.findTargets(host, undefined).then(
      (targets) => targets.map(({ address }) => address),
      () => [],
    );
    known.set(host, { atMs: nowMs, found });
    return found;
  };
}
