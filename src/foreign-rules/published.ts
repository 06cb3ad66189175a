/** Ports that the rules of other tables send elsewhere, found without a probe for every port. */

import { commonRanges, type PortRange, type Proto } from "../core/port.ts";
import { isPortField, type ListedRule, type Listing, setKey } from "./listing.ts";
import { trace } from "./trace.ts";

/** The published ports of `ranges` in order; Docker writes one rule for each port. */
export function publishedIn(listing: Listing, ranges: readonly PortRange[]): PortRange[] {
  const named = [...listing.rules.values()].flat().flatMap((rule) => portsOf(rule, listing));
  const inside = named.flatMap((range) => commonRanges([range], ranges));
  const found = new Map<string, PortRange>();
  for (const range of inside) {
    const probe = { proto: range.proto, port: range.from };
    const sent = ([4, 6] as const).some(
      (family) => trace(listing, { family, ...probe }).redirected !== undefined,
    );
    if (sent) found.set(`${range.from} ${range.to} ${range.proto}`, range);
  }
  return [...found.values()].sort((a, b) => a.from - b.from);
}

function portsOf({ expr, ...rule }: ListedRule, { sets }: Listing): PortRange[] {
  return expr.flatMap((statement) => {
    const { left, right } = (statement["match"] ?? {}) as { left?: unknown; right?: unknown };
    if (!isPortField(left)) return [];
    const { protocol } = left.payload;
    const protos: Proto[] = protocol === "tcp" || protocol === "udp" ? [protocol] : ["tcp", "udp"];
    const listed = typeof right === "string" ? (sets.get(setKey(rule, right)) ?? []) : right;
    return spans(listed).flatMap(([from, to]) => protos.map((proto) => ({ proto, from, to })));
  });
}

/** The right side of a condition as spans: a port, a range, a set of them. */
function spans(right: unknown): (readonly [from: number, to: number])[] {
  if (typeof right === "number") return [[right, right]];
  if (Array.isArray(right)) return right.flatMap(spans);
  if (typeof right !== "object" || right === null) return [];
  const { set, range, elem } = right as {
    set?: unknown;
    range?: readonly [number, number];
    elem?: { val?: unknown };
  };
  if (range !== undefined) return [range];
  return spans(elem === undefined ? set : elem.val);
}
