/** Which grants lose their ground when keys go. */

import type { Grant } from "../core/grant.ts";
import type { KeyTable } from "../rks/key-table.ts";

function keyOf(keys: KeyTable, { user = "", device = "" }: Grant): Uint8Array | undefined {
  const row = keys.find(user, device);
  return row < 0 ? undefined : keys.key(row);
}

/** Grants opened by a device that had a key before and has none now, or another one. */
export function grantsCutOff(grants: readonly Grant[], before: KeyTable, now: KeyTable): Grant[] {
  return grants.filter((grant) => {
    if (grant.user === undefined) return false;
    const had = keyOf(before, grant);
    const has = keyOf(now, grant);
    return had !== undefined && (has === undefined || !Buffer.from(had).equals(has));
  });
}
