/** Reads the rules of all tables, with the sets that conditions on ports name. */

import { OpError } from "../core/errors.ts";
import { readArrivals } from "./arrivals.ts";
import { isTelling } from "./condition.ts";
import { nftError } from "../firewall/nft-error.ts";
import { runNft } from "../native/libnftables.ts";
import { isTranslated, translated } from "./iptables-match.ts";
import {
  chainKey,
  type ListedChain,
  type ListedFlowtable,
  type ListedRule,
  type Listing,
  setKey,
} from "./listing.ts";
import { mayAskKernel } from "../native/capabilities.ts";
import { readDevices, readRuleTexts } from "./rule-text.ts";

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
  const listed = runNft("list ruleset", { json: true, terse: true });
  if (!listed.ok) throw nftError("read", "the rules of other tables", listed.error);
  const listing = readable(toListing(parse(listed.output)));
  const sets = new Map<string, readonly unknown[]>();
  for (const { kind, key } of tellingSets([...listing.rules.values()].flat())) {
    if (sets.has(key)) continue;
    sets.set(key, elementsOf(kind, key));
  }
  return { ...listing, sets, arrivals: readArrivals() };
}

/** None of a set that is gone since its rule was listed: whoever loads rules meanwhile must not stop a guard. */
function elementsOf(kind: NamedSet["kind"], key: string): readonly unknown[] {
  const listed = runNft(`list ${kind} ${key}`, { json: true });
  if (!listed.ok) return [];
  return parse(listed.output).find((entry) => entry[kind] !== undefined)?.[kind]?.elem ?? [];
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

function parse(json: string): readonly Entry[] {
  try {
    return (JSON.parse(json) as { nftables: readonly Entry[] }).nftables;
  } catch (error) {
    throw new OpError(
      {
        operation: "read",
        object: "the rules of other tables",
        detail: "libnftables printed no JSON",
        code: 0,
        remedy: 'install a libnftables with JSON, or set guard.deny to "reset" or "drop"',
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
