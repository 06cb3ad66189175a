/** Which grants lose their ground when keys go. */

import type { Grant } from "../core/grant.ts";
import type { KeyTable } from "../rks/key-table.ts";

function keyOf(keys: KeyTable, user: string, device: string): Uint8Array | undefined {
  const row = keys.find(user, device);
  return row < 0 ? undefined : keys.key(row);
}

/** Whether a device had a key before and has none now, or another one. */
export function lostKey(before: KeyTable, now: KeyTable, user: string, device: string): boolean {
  const had = keyOf(before, user, device);
  const has = keyOf(now, user, device);
  return had !== undefined && (has === undefined || !Buffer.from(had).equals(has));
}

/** Grants opened by a device that had a key before and has none now, or another one. */
export function grantsCutOff(grants: readonly Grant[], before: KeyTable, now: KeyTable): Grant[] {
  return grants.filter(
    ({ user, device = "" }) => user !== undefined && lostKey(before, now, user, device),
  );
}
