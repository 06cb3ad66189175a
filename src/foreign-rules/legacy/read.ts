/**
 * The rules of iptables-legacy, which nft does not show, in the form in which nft lists its own.
 */

import { OpError } from "../../core/errors.ts";
import { type LegacyFamily, type LegacyTable, readLegacyTable } from "../../native/legacy-table.ts";
import { chainKey, type ListedChain, type ListedRule, type Listing } from "../listing.ts";
import { type Entry, entriesOf, textAt } from "./entries.ts";
import { headerConditions } from "./header.ts";
import { matchConditions } from "./matches.ts";
import { type LegacyName, legacyNames } from "./names.ts";
import { targetStatements } from "./targets.ts";

type LegacyRules = Pick<Listing, "chains" | "rules" | "unread">;

/** linux/netfilter.h, enum nf_inet_hooks, with the names of the base chains */
const HOOKS = ["prerouting", "input", "forward", "output", "postrouting"] as const;
/** linux/netfilter_ipv4.h, enum nf_ip_hook_priorities; `nat` has another one behind routing. */
const PRIORITIES: Readonly<Record<LegacyName, number>> = {
  raw: -300,
  mangle: -150,
  nat: -100,
  filter: 0,
  security: 50,
};
const NAT_INPUT_PRIORITY = 100;
/** linux/netfilter/x_tables.h: XT_ERROR_TARGET heads a chain of a user, and ends the table. */
const HEAD = "ERROR";
const HEAD_NAME_BYTES = 30;

/** iptables-nft has tables of the same names. */
const SUFFIX = " (iptables-legacy)";

/** Whether a table of a listing is one of iptables-legacy. */
export function isLegacy(table: string): boolean {
  return table.endsWith(SUFFIX);
}

/**
 * Reads the calling thread's network namespace; names the tables that the kernel does not hand out.
 */
export function readLegacyRules(): LegacyRules {
  const found = (["ip", "ip6"] as const).flatMap((family) =>
    legacyNames(family).map((name) => tryRead(family, name)),
  );
  return {
    chains: found.flatMap(({ chains }) => chains),
    rules: new Map(found.flatMap(({ rules }) => [...rules])),
    unread: found.flatMap(({ unread }) => unread),
  };
}

function tryRead(family: LegacyFamily, name: LegacyName): LegacyRules {
  try {
    return legacyRules(readLegacyTable(family, name), name);
  } catch (error) {
    if (!(error instanceof OpError)) throw error;
    return { chains: [], rules: new Map(), unread: [`${family} ${name}`] };
  }
}

interface Chain {
  readonly listed: ListedChain;
  readonly own: Entry[];
}

function legacyRules(from: LegacyTable, name: LegacyName): LegacyRules {
  const { family } = from;
  const table = `${name}${SUFFIX}`;
  const entries = entriesOf(from);
  const chains = chainsOf(from, entries, { family, table }, name);
  const chainAt = new Map(
    chains.flatMap(({ listed, own }) => (own[0] === undefined ? [] : [[own[0].at, listed.name]])),
  );
  const rules = chains.map(({ listed, own }) => {
    // The last entry of a chain is its policy, or the return that ends every user's chain.
    const listedRules = own.slice(0, -1).map((entry): ListedRule => ({
      family,
      table,
      chain: listed.name,
      handle: entry.at,
      expr: [
        ...headerConditions(entry.view, family),
        ...entry.matches.flatMap(matchConditions),
        ...targetStatements(entry, family, chainAt),
      ],
    }));
    return [chainKey(listed, listed.name), listedRules] as const;
  });
  return { chains: chains.map(({ listed }) => listed), rules: new Map(rules), unread: [] };
}

function chainsOf(
  { hooks }: LegacyTable,
  entries: readonly Entry[],
  owner: { readonly family: string; readonly table: string },
  name: LegacyName,
): Chain[] {
  const chains: Chain[] = [];
  for (const entry of entries) {
    const base = hooks.find(({ first }) => first === entry.at);
    if (base !== undefined) {
      const hook = HOOKS[base.number]!;
      const policy = entries.find(({ at }) => at === base.policy);
      const drops = policy !== undefined && isDrop(policy);
      const prio = name === "nat" && hook === "input" ? NAT_INPUT_PRIORITY : PRIORITIES[name];
      const listed = { ...owner, name: hook.toUpperCase(), hook, prio };
      const type = name === "nat" ? "nat" : "filter";
      chains.push({ listed: { ...listed, type, policy: drops ? "drop" : "accept" }, own: [] });
    }
    if (entry.target.name === HEAD) {
      const own = textAt(entry.target.data, 0, HEAD_NAME_BYTES);
      chains.push({ listed: { ...owner, name: own }, own: [] });
    } else chains.at(-1)?.own.push(entry);
  }
  return chains;
}

/** It is itself the verdict −1 − NF_DROP. */
function isDrop({ target: { name, data } }: Entry): boolean {
  return name === "" && data.byteLength >= 4 && data.getInt32(0, true) === -1;
}
