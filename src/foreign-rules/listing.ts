/** The rules of all tables, as nft lists them in JSON, with the sets that conditions on ports name. */

import { OpError } from "../core/errors.ts";
import { type Arrivals, readArrivals } from "./arrivals.ts";
import { isTelling } from "./condition.ts";
import { nftError } from "../firewall/nft-error.ts";
import { runNft } from "../native/libnftables.ts";
import { isTranslated, translated } from "./iptables-match.ts";
import { mayAskKernel } from "../native/capabilities.ts";
import { readDevices, readRuleTexts } from "./rule-text.ts";

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
  /** Elements by `setKey`, of the sets and maps that tell something of every stranger's packet. */
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

/** As `readRules`; undefined without CAP_NET_ADMIN. */
export function readListing(): Listing | undefined {
  return mayAskKernel() ? readRules() : undefined;
}

/** Reads the calling thread's network namespace. Throws OpError, also without privilege. */
export function readRules(): Listing {
  // Terse, since block lists may hold a hundred thousand addresses that say nothing about a stranger.
  const listing = readable(toListing(ask("list ruleset", true)));
  const sets = new Map<string, readonly unknown[]>();
  for (const { kind, key } of tellingSets([...listing.rules.values()].flat())) {
    if (sets.has(key)) continue;
    const found = ask(`list ${kind} ${key}`, false).find((entry) => entry[kind] !== undefined);
    sets.set(key, found?.[kind]?.elem ?? []);
  }
  return { ...listing, sets, arrivals: readArrivals() };
}

function readable(listing: Listing): Listing {
  const rules = new Map<string, readonly ListedRule[]>();
  for (const [key, own] of listing.rules) {
    const [first] = own;
    // One question for a whole chain: those of iptables may have thousands of rules.
    const texts =
      first !== undefined && own.some(({ expr }) => expr.some(isTranslated))
        ? readRuleTexts(first)
        : [];
    rules.set(
      key,
      own.map((rule, i) => translated(rule, texts[i] ?? "")),
    );
  }
  const chains = listing.chains.map((chain) =>
    chain.hook === "ingress" && chain.dev === undefined ? withDevices(chain) : chain,
  );
  return { ...listing, chains, rules };
}

/** nft's JSON leaves out which interface a chain of `ingress` belongs to, its text does not. */
function withDevices(chain: ListedChain): ListedChain {
  const dev = readDevices(chain);
  return dev.length > 0 ? { ...chain, dev } : chain;
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

interface NamedSet {
  readonly kind: "set" | "map";
  readonly key: string;
}

function tellingSets(rules: readonly ListedRule[]): NamedSet[] {
  return rules.flatMap((rule) =>
    rule.expr.flatMap((statement): NamedSet[] => {
      const { left, right } = (statement["match"] ?? {}) as { left?: unknown; right?: unknown };
      if (isNamed(right) && isTelling(left)) {
        return [{ kind: "set", key: setKey(rule, right) }];
      }
      const { key, data } = (statement["vmap"] ?? {}) as { key?: unknown; data?: unknown };
      if (isNamed(data) && isTelling(key)) {
        return [{ kind: "map", key: setKey(rule, data) }];
      }
      return [];
    }),
  );
}

function isNamed(right: unknown): right is string {
  return typeof right === "string" && right.startsWith("@");
}

/** Whether what stands left of a condition is the destination port, of whatever protocol. */
export function isPortField(left: unknown): left is { payload: { protocol: string } } {
  const { payload } = (left ?? {}) as { payload?: { field?: string } };
  return payload?.field === "dport";
}
