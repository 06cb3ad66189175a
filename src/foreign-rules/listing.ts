/**
 * nft's JSON listing of the rules of all tables: its types, and the names by which parts are found.
 */

import type { Arrivals } from "./arrivals.ts";

/** One statement of a rule: an object whose key is its kind (libnftables-json(5)). */
export type Statement = Readonly<Record<string, unknown>>;

export interface ListedChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook?: string;
  readonly type?: string;
  readonly prio?: number;
  readonly policy?: string;
  /** For chains of `ingress`. A single interface is not an array. */
  readonly dev?: string | readonly string[];
}

export interface ListedRule {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly handle: number;
  readonly expr: readonly Statement[];
}

export interface ListedFlowtable {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** A single interface is not an array. */
  readonly dev?: string | readonly string[];
}

/** libnftables-json(5), reduced to the parts used here. */
export interface Listing {
  readonly chains: readonly ListedChain[];
  /** In order, by `chainKey`. */
  readonly rules: ReadonlyMap<string, readonly ListedRule[]>;
  readonly flowtables: readonly ListedFlowtable[];
  /**
   * Elements by `setKey`, for the sets and maps that decide about every stranger's packet: the
   * elements it may meet.
   */
  readonly sets: ReadonlyMap<string, readonly unknown[]>;
  /** Tables of iptables-legacy that the kernel did not hand out: "ip filter". */
  readonly unread: readonly string[];
  /** Where strangers come in. Absent: unknown, and rules about interfaces count as met. */
  readonly arrivals?: Arrivals;
}

export function chainKey(owner: { family: string; table: string }, chain: string): string {
  return `${owner.family} ${owner.table} ${chain}`;
}

export function setKey(owner: { family: string; table: string }, name: string): string {
  return `${owner.family} ${owner.table} ${name.replace(/^@/, "")}`;
}

/** Whether the left side of a condition is the destination port, of any protocol. */
export function isPortField(left: unknown): left is { payload: { protocol: string } } {
  const { payload } = (left ?? {}) as { payload?: { field?: string } };
  return payload?.field === "dport";
}
