/**
 * Reads the rules of all tables, with the sets that decide the fate of a packet to this machine.
 */

import { readArrivals } from "./arrivals.ts";
import { nftError } from "../firewall/nft-error.ts";
import { nftEntries } from "../firewall/nft-json.ts";
import { runNft } from "../native/libnftables.ts";
import { arrivingRules } from "./arriving-rules.ts";
import { decides, isTranslated, translated } from "./iptables-match.ts";
import { readLegacyRules } from "./legacy/read.ts";
import {
  chainKey,
  type ListedChain,
  type ListedFlowtable,
  type ListedRule,
  type Listing,
  setKey,
  type Statement,
} from "./listing.ts";
import { mayAskKernel } from "../native/capabilities.ts";
import { readDevices, readRuleTexts } from "./rule-text.ts";
import { isTelling, type Known, narrowed } from "./telling.ts";

interface Entry {
  readonly chain?: ListedChain;
  readonly rule?: ListedRule;
  readonly flowtable?: ListedFlowtable;
  readonly set?: { readonly elem?: readonly unknown[] };
  readonly map?: { readonly elem?: readonly unknown[] };
}

/** Like `readRules`; undefined without CAP_NET_ADMIN. */
export function readListing(): Listing | undefined {
  return mayAskKernel() ? readRules() : undefined;
}

/** Reads the calling thread's network namespace. Throws OpError, also without privilege. */
export function readRules(): Listing {
  return read(isTranslated, true);
}

/**
 * Like `readRules`, but only the chains that decide the answer of a closed port. On machines with
 * thousands of containers or blocked networks the others take seconds to read, at every start.
 */
export function readDecidingRules(): Listing {
  return read(decides, false);
}

/**
 * `wanted`: the opaque statements to read from text; `addresses`: read sets of the machine's own
 * addresses too.
 */
function read(wanted: (statement: Statement) => boolean, addresses: boolean): Listing {
  // Terse, since block lists may hold a hundred thousand addresses that say nothing about a
  // stranger.
  const listed = runNft("list ruleset", { json: true, terse: true });
  if (!listed.ok) throw nftError("read", "the rules of other tables", listed.error);
  const all = toListing(parse(listed.output));
  const arriving = arrivingRules(all);
  const listing = readable(addresses ? all : { ...all, rules: arriving }, wanted);
  const arrivals = readArrivals();
  const sets = readSets(
    [...listing.rules].flatMap(([key, own]) => (arriving.has(key) ? own : [])),
    addresses ? arrivals : { interfaces: arrivals.interfaces },
  );
  const legacy = readLegacyRules();
  return {
    ...listing,
    chains: [...listing.chains, ...legacy.chains],
    rules: new Map([...listing.rules, ...legacy.rules]),
    unread: legacy.unread,
    sets,
    arrivals,
  };
}

/** For each telling set that these rules name, the elements that a packet may meet. */
function readSets(rules: readonly ListedRule[], known: Known): Listing["sets"] {
  const asked = Map.groupBy(tellingSets(rules, known), ({ kind, key }) => `${kind} ${key}`);
  return new Map(
    [...asked.values()].map((questions) => {
      const [{ kind, key }] = questions as [NamedSet];
      const lefts = questions.map(({ left }) => left);
      return [key, narrowed(kind, elementsOf(kind, key), lefts, known)] as const;
    }),
  );
}

/**
 * Empty for a set that vanished since its rule was listed: a program that loads rules meanwhile
 * must not stop a guard.
 */
function elementsOf(kind: NamedSet["kind"], key: string): readonly unknown[] {
  const listed = runNft(`list ${kind} ${key}`, { json: true });
  if (!listed.ok) return [];
  return parse(listed.output).find((entry) => entry[kind] !== undefined)?.[kind]?.elem ?? [];
}

function readable(listing: Listing, wanted: (statement: Statement) => boolean): Listing {
  const rules = new Map<string, readonly ListedRule[]>();
  for (const [key, own] of listing.rules) {
    const [first] = own;
    // One request for a whole chain: those of iptables may have thousands of rules.
    const texts =
      first !== undefined && own.some(({ expr }) => expr.some(wanted)) ? readRuleTexts(first) : [];
    // Others may have changed the chain since it was listed: then the texts cannot be assigned to
    // rules.
    const fitting = texts.length === own.length;
    rules.set(
      key,
      own.map((rule, i) => translated(rule, fitting ? texts[i]! : "")),
    );
  }
  const chains = listing.chains.map((chain) =>
    chain.hook === "ingress" && chain.dev === undefined ? withDevices(chain) : chain,
  );
  return { ...listing, chains, rules };
}

/** nft's JSON does not say which interface a chain of `ingress` belongs to; its text does. */
function withDevices(chain: ListedChain): ListedChain {
  const dev = readDevices(chain);
  return dev.length > 0 ? { ...chain, dev } : chain;
}

export function toListing(entries: readonly Entry[]): Listing {
  return {
    chains: entries.flatMap(({ chain }) => chain ?? []),
    rules: Map.groupBy(
      entries.flatMap(({ rule }) => (rule === undefined ? [] : withStatements(rule))),
      (rule) => chainKey(rule, rule.chain),
    ),
    flowtables: entries.flatMap(({ flowtable }) => flowtable ?? []),
    sets: new Map(),
    unread: [],
  };
}

/**
 * Makes every statement an object: nft prints a string for one without a JSON form, such as a chain
 * without a name.
 */
function withStatements(rule: ListedRule): ListedRule {
  const expr = (rule.expr ?? []).map((one: unknown) =>
    typeof one === "object" && one !== null ? (one as Statement) : { unread: one },
  );
  return { ...rule, expr };
}

function parse(json: string): readonly Entry[] {
  const instead = 'set guard.deny to "reset" or "drop"';
  return nftEntries(json, "the rules of other tables", instead) as readonly Entry[];
}

interface NamedSet {
  readonly kind: "set" | "map";
  readonly key: string;
  /** The expression that is looked up in it. */
  readonly left: unknown;
}

function tellingSets(rules: readonly ListedRule[], known: Known): NamedSet[] {
  return rules.flatMap((rule) =>
    rule.expr.flatMap((statement): NamedSet[] => {
      const { left, right } = (statement["match"] ?? {}) as { left?: unknown; right?: unknown };
      if (isNamed(right) && isTelling(left, known)) {
        return [{ kind: "set", key: setKey(rule, right), left }];
      }
      const { key, data } = (statement["vmap"] ?? {}) as { key?: unknown; data?: unknown };
      if (isNamed(data) && isTelling(key, known)) {
        return [{ kind: "map", key: setKey(rule, data), left: key }];
      }
      return [];
    }),
  );
}

function isNamed(right: unknown): right is string {
  return typeof right === "string" && right.startsWith("@");
}
