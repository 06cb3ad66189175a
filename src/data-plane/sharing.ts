/** What the grants of one address share: elements of the kernel, and a door. Pure. */

import type { Grant } from "../core/grant.ts";
import { rangesOverlap } from "../core/port.ts";
import type { Remaining } from "./ledger.ts";

/** Those of the `others`, living grants of the same address, that need an element of this one. */
export function sharersOf({ kind, idleMs, ports }: Grant, others: readonly Remaining[]): Grant[] {
  return others
    .map(({ grant }) => grant)
    .filter(
      (other) => other.kind === kind && other.idleMs === idleMs && portsOverlap(other.ports, ports),
    );
}

/** The mark of an event of a grant where one of the `others` is of the same door. */
export function sharedMark(
  { door }: Grant,
  others: readonly Remaining[],
): { readonly shared?: true } {
  return others.some(({ grant }) => grant.door === door) ? { shared: true } : {};
}

export function portsOverlap(a: Grant["ports"], b: Grant["ports"]): boolean {
  return a.some((range) => b.some((other) => rangesOverlap(range, other)));
}
