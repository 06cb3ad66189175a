/** The sets that decide about a stranger's packet, and the elements of them that do. */

import { agrees } from "./agree.ts";
import type { Arrivals } from "./arrivals.ts";
import { type Seen, see } from "./seen.ts";

/**
 * The facts common to all packets that are followed: in `deny`, their destination is not among
 * them.
 */
export type Known = Pick<Arrivals, "interfaces"> & Partial<Arrivals>;

/**
 * Whether the left side of a condition is the same for every stranger, so that the set on its right
 * must be read.
 */
export function isTelling(left: unknown, known: Known): boolean {
  return views(left, known).some((seen) => typeof seen === "object" || seen === "any");
}

/**
 * Of the elements of a set or a map, those that a followed packet may meet where one of `lefts` is
 * looked up. A list of a hundred thousand networks is searched once here, and not again for each
 * port.
 */
export function narrowed(
  kind: "set" | "map",
  elements: readonly unknown[],
  lefts: readonly unknown[],
  known: Known,
): unknown[] {
  const seen = lefts.flatMap((left) => views(left, known));
  return elements.filter((element) => {
    // For a map, a pair of key and verdict; "*" is the key for all others.
    const key = kind === "map" && Array.isArray(element) ? (element[0] as unknown) : element;
    return key === "*" || seen.some((one) => agrees(one, key));
  });
}

/** The different values that it can have. */
function views(left: unknown, { interfaces, addresses }: Known): Seen[] {
  const found = new Map<string, Seen>();
  const arrivals =
    interfaces.length === 0
      ? [{}]
      : interfaces.map((name) => ({
          interface: name,
          ...(addresses !== undefined && { addresses }),
        }));
  for (const family of [4, 6] as const) {
    for (const proto of ["tcp", "udp"] as const) {
      for (const arrival of arrivals) {
        const seen = see(left, { family, proto, ...arrival });
        found.set(JSON.stringify(seen), seen);
      }
    }
  }
  return [...found.values()];
}
