/** Compares the guard in the kernel with what was loaded: rules, chains, guarded ports, allowed networks. */

import { runNft } from "../native/libnftables.ts";
import { SET, TABLE_NAME } from "./sets.ts";

/**
 * The guard without the parts that change by themselves (grants, uses, counters): equal texts mean
 * an equal guard. Undefined when the table does not exist. Take one right after `loadGuard`.
 */
export function guardFingerprint(): string | undefined {
  const table = runNft(`list table ${TABLE_NAME}`, { terse: true, stateless: true });
  if (!table.ok) return undefined;
  const lists = [SET.guarded, SET.allow(4), SET.allow(6)].map(
    (set) => runNft(`list set ${TABLE_NAME} ${set}`, { stateless: true }).output,
  );
  return withoutState([table.output, ...lists].join("\n"));
}

/**
 * A listing of nft without counts and remaining lives. libnftables 0.9.8 prints them in a stateless
 * listing, too: each denied packet would look like a change by somebody else.
 */
export function withoutState(listing: string): string {
  return listing
    .replaceAll(/\bcounter packets \d+ bytes \d+/g, "counter")
    .replaceAll(/ expires (?:\d+(?:ms|[wdhms]))+/g, "");
}
