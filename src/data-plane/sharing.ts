/** What the grants of one address share: elements of the kernel. Pure. */

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

export function portsOverlap(a: Grant["ports"], b: Grant["ports"]): boolean {
  return a.some((range) => b.some((other) => rangesOverlap(range, other)));
}
