/** What nft lists of the rules of all tables, in its JSON. Types, and the names by which parts are found. */

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
  /** Of chains of `ingress`. One interface is no array. */
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
  /** One interface is no array. */
  readonly dev?: string | readonly string[];
}

/** libnftables-json(5), of which only this matters here. */
export interface Listing {
  readonly chains: readonly ListedChain[];
  /** In order, by `chainKey`. */
  readonly rules: ReadonlyMap<string, readonly ListedRule[]>;
  readonly flowtables: readonly ListedFlowtable[];
  /** Elements by `setKey`, of sets and maps that tell something of every stranger's packet: those it may meet. */
  readonly sets: ReadonlyMap<string, readonly unknown[]>;
  /** Tables of iptables-legacy that the kernel did not hand out: "ip filter". */
  readonly unread: readonly string[];
  /** Where strangers come in; absent: nobody knows, and rules about interfaces are taken as met. */
  readonly arrivals?: Arrivals;
}

export function chainKey(owner: { family: string; table: string }, chain: string): string {
  return `${owner.family} ${owner.table} ${chain}`;
}

export function setKey(owner: { family: string; table: string }, name: string): string {
  return `${owner.family} ${owner.table} ${name.replace(/^@/, "")}`;
}

/** Whether what stands left of a condition is the destination port, of whatever protocol. */
export function isPortField(left: unknown): left is { payload: { protocol: string } } {
  const { payload } = (left ?? {}) as { payload?: { field?: string } };
  return payload?.field === "dport";
}
