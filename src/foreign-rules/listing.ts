/** The rules of all tables, as nft lists them in JSON, with the sets that conditions on ports name. */

import { OpError } from "../core/errors.ts";
import { type Arrivals, readArrivals } from "../firewall/arrivals.ts";
import { nftError } from "../firewall/nft-error.ts";
import type { Statement } from "../firewall/rule-match.ts";
import { runNft } from "../native/libnftables.ts";
import { isTranslated, translated } from "./iptables-match.ts";
import { mayAskKernel } from "../native/capabilities.ts";
import { readRuleText } from "./rule-text.ts";

export interface ListedChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook?: string;
  readonly type?: string;
  readonly prio?: number;
  readonly policy?: string;
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
  /** Elements by `setKey`, of the sets and maps that conditions on a destination port name. */
  readonly sets: ReadonlyMap<string, readonly unknown[]>;
  /** Where strangers come in; absent: nobody knows, and rules about interfaces are taken as met. */
  readonly arrivals?: Arrivals;
}

export function chainKey(owner: { family: string; table: string }, chain: string): string {
  return `${owner.family} ${owner.table} ${chain}`;
}

export function setKey(owner: { family: string; table: string }, name: string): string {
  return `${owner.family} ${owner.table} ${name.replace(/^@/, "")}`;
}

interface Entry {
  readonly chain?: ListedChain;
  readonly rule?: ListedRule;
  readonly flowtable?: ListedFlowtable;
  readonly set?: { readonly elem?: readonly unknown[] };
  readonly map?: { readonly elem?: readonly unknown[] };
}

/** Reads the calling thread's network namespace. Undefined without CAP_NET_ADMIN; throws OpError. */
export function readListing(): Listing | undefined {
  if (!mayAskKernel()) return undefined;
  // Terse, since block lists may hold a hundred thousand addresses that say nothing about ports.
  const listing = readable(toListing(ask("list ruleset", true)));
  const sets = new Map<string, readonly unknown[]>();
  for (const { kind, key } of portSets([...listing.rules.values()].flat())) {
    if (sets.has(key)) continue;
    const found = ask(`list ${kind} ${key}`, false).find((entry) => entry[kind] !== undefined);
    sets.set(key, found?.[kind]?.elem ?? []);
  }
  return { ...listing, sets, arrivals: readArrivals() };
}

function readable(listing: Listing): Listing {
  const rules = new Map<string, readonly ListedRule[]>();
  for (const [key, own] of listing.rules) {
    const read = own.map((rule, i) => {
      if (!rule.expr.some(isTranslated)) return rule;
      const { family, table, chain } = rule;
      return translated(rule, readRuleText({ family, table, chain, rule: i + 1 }) ?? "");
    });
    rules.set(key, read);
  }
  return { ...listing, rules };
}

export function toListing(entries: readonly Entry[]): Listing {
  return {
    chains: entries.flatMap(({ chain }) => chain ?? []),
    rules: Map.groupBy(
      entries.flatMap(({ rule }) => rule ?? []),
      (rule) => chainKey(rule, rule.chain),
    ),
    flowtables: entries.flatMap(({ flowtable }) => flowtable ?? []),
    sets: new Map(),
  };
}

function ask(command: string, terse: boolean): readonly Entry[] {
  const listed = runNft(command, { json: true, terse });
  if (!listed.ok) throw nftError("read", "the rules of other tables", listed.error);
  try {
    return (JSON.parse(listed.output) as { nftables: readonly Entry[] }).nftables;
  } catch (error) {
    throw new OpError(
      {
        operation: "read",
        object: "the rules of other tables",
        detail: "libnftables printed no JSON",
        code: 0,
        remedy: "install a libnftables with JSON",
      },
      { cause: error },
    );
  }
}

interface PortSet {
  readonly kind: "set" | "map";
  readonly key: string;
}

function portSets(rules: readonly ListedRule[]): PortSet[] {
  return rules.flatMap((rule) =>
    rule.expr.flatMap((statement): PortSet[] => {
      const { left, right } = (statement["match"] ?? {}) as { left?: unknown; right?: unknown };
      if (isPortField(left) && typeof right === "string") {
        return [{ kind: "set", key: setKey(rule, right) }];
      }
      const { key, data } = (statement["vmap"] ?? {}) as { key?: unknown; data?: unknown };
      if (isPortField(key) && typeof data === "string") {
        return [{ kind: "map", key: setKey(rule, data) }];
      }
      return [];
    }),
  );
}

/** Whether what stands left of a condition is the destination port, of whatever protocol. */
export function isPortField(left: unknown): left is { payload: { protocol: string } } {
  const { payload } = (left ?? {}) as { payload?: { field?: string } };
  return payload?.field === "dport";
}
