/** The plan of the guard, and the lists that go into its sets: merged, so that nothing overlaps. */

import type { Family, Prefix } from "../core/address.ts";
import { formatPrefix, maskAddress, sameAddress } from "../core/address.ts";
import { formatDuration } from "../core/duration.ts";
import type { GrantKind } from "../core/grant.ts";
import type { PortRange } from "../core/port.ts";
import type { Denial } from "./deny-answer.ts";

export interface GuardPlan {
  /** May overlap. */
  readonly guarded: readonly GuardedRange[];
  /** May overlap. */
  readonly allow: readonly Prefix[];
  readonly deny: Denial;
  /** The kinds of grants that doors and hands give. Default: all. */
  readonly kinds?: readonly GrantKind[];
  /** The different idle times of the doors; each has its own sets and rules. */
  readonly idleMs: readonly number[];
  /**
   * Whether this host's own IPv6 resets carry flow labels. Default: `loadGuard` finds out, where
   * nft supports them.
   */
  readonly flowLabels?: boolean;
  /**
   * Whether resets echo the probe's DSCP, like the kernel's own. Default: where nft and kernel
   * support it.
   */
  readonly echoDscp?: boolean;
  /**
   * Kinds of TCP options that a closed port does not answer. Default: `loadGuard` asks the kernel.
   */
  readonly silentOptions?: readonly number[];
  /**
   * For so long, uses of knocks may be known to the daemon alone, or to nobody: the table says so to a later one.
   * 0: the kernel knows them, or the disk. Default: as the table says already.
   */
  readonly doubtMs?: number;
  /**
   * Whether packets to other hosts that a transparent proxy here takes are left to it. Default: where
   * the kernel can tell them (nft_socket).
   */
  readonly transparentProxies?: boolean;
}

/** Ports that cannot be reached without a grant. */
export interface GuardedRange extends PortRange {
  /** The kernel stops guarding after this time unless the plan is loaded again. Default: never. */
  readonly forMs?: number;
}

/** How long to guard; Infinity where there is no end. */
function life(range: GuardedRange): number {
  return range.forMs ?? Number.POSITIVE_INFINITY;
}

/**
 * The same ports in ascending order without overlap, since an interval set refuses overlapping
 * elements. Ports in several ranges are guarded for the longest time. Neighbours with equal lives
 * are joined.
 */
export function mergeGuarded(ranges: readonly GuardedRange[]): GuardedRange[] {
  const merged: GuardedRange[] = [];
  for (const proto of ["tcp", "udp"] as const) {
    const own = ranges.filter((range) => range.proto === proto);
    const edges = [...new Set(own.flatMap(({ from, to }) => [from, to + 1]))].sort((a, b) => a - b);
    let last: GuardedRange | undefined;
    for (const [i, from] of edges.slice(0, -1).entries()) {
      const to = edges[i + 1]! - 1;
      const over = own.filter((range) => range.from <= from && to <= range.to);
      if (over.length === 0) continue;
      const forMs = Math.max(...over.map(life));
      const joins = last !== undefined && last.to + 1 === from && life(last) === forMs;
      last = {
        proto,
        from: joins ? last!.from : from,
        to,
        ...(forMs !== Number.POSITIVE_INFINITY && { forMs }),
      };
      if (joins) merged[merged.length - 1] = last;
      else merged.push(last);
    }
  }
  return merged;
}

/** The networks of one family without those that lie inside another. */
export function mergePrefixes(prefixes: readonly Prefix[], family: Family): Prefix[] {
  const merged: Prefix[] = [];
  const own = prefixes.filter((prefix) => prefix.address.family === family);
  for (const prefix of own.sort((a, b) => a.bits - b.bits)) {
    const inside = merged.some((outer) =>
      sameAddress(maskAddress(prefix.address, outer.bits), outer.address),
    );
    if (!inside) merged.push(prefix);
  }
  return merged;
}

/** "tcp . 8000-8010 timeout 2m": an element of the set of guarded ports. */
export function guardedElement(range: GuardedRange): string {
  const ports = range.from === range.to ? `${range.from}` : `${range.from}-${range.to}`;
  const timeout = range.forMs === undefined ? "" : ` timeout ${formatDuration(range.forMs)}`;
  return `${range.proto} . ${ports}${timeout}`;
}

export function allowElements(plan: GuardPlan, family: Family): string[] {
  return mergePrefixes(plan.allow, family).map(formatPrefix);
}
