/** Names a rule so that a person can find it: table, chain, number, and nft's text of the rule. */

import { runNft } from "../native/libnftables.ts";
import { isLegacy } from "./legacy/read.ts";
import type { Place } from "./trace.ts";

interface ChainName {
  readonly family: string;
  readonly table: string;
  readonly name: string;
}

/** The text of the rule at a place; undefined where it is unknown. */
export type RuleText = (place: Place) => string | undefined;

/** Longer rules are cut. */
const LONGEST = 160;

/** "table inet filter, chain input, rule 7: tcp dport 22 drop" */
export function describePlace(place: Place, textOf: RuleText): string {
  const { family, table, chain, rule } = place;
  const where = `table ${family} ${table}, chain ${chain}`;
  if (rule === undefined) return `${where}, policy drop`;
  const text = textOf(place);
  if (text === undefined) return `${where}, rule ${rule}`;
  const cut = text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
  return `${where}, rule ${rule}: ${cut}`;
}

/**
 * All rules of the place's chain in the kernel of the calling thread's network namespace; empty
 * where it cannot be read.
 */
export function readRuleTexts({ family, table, chain }: Omit<Place, "rule">): string[] {
  const shown = runNft(`list chain ${family} ${table} ${chain}`, { terse: true });
  return shown.ok ? ruleTexts(shown.output, chain) : [];
}

/** The interfaces of a chain of `ingress`; empty where nft does not tell. */
export function readDevices(chain: ChainName): string[] {
  const { family, table, name } = chain;
  const shown = runNft(`list chain ${family} ${table} ${name}`, { terse: true });
  const [, devices = ""] =
    /hook ingress devices? (?:= )?(\{[^}]*\}|"[^"]*")/.exec(shown.output) ?? [];
  return [...devices.matchAll(/[^\s{}",]+/g)].map(([device]) => device);
}

/** The single rule of the place. */
export function readRuleText(place: Place): string | undefined {
  if (place.rule === undefined || isLegacy(place.table)) return undefined;
  const text = readRuleTexts(place)[place.rule - 1];
  return text?.replace(/ counter packets \d+ bytes \d+/, " counter");
}

/**
 * The rules in the output of `nft list chain`, one string each; nft wraps long sets over several
 * lines.
 */
export function ruleTexts(listing: string, chain: string): string[] {
  const lines = listing.split("\n").map((line) => line.trim());
  const rules: string[] = [];
  let pending = "";
  for (const line of lines.slice(lines.indexOf(`chain ${chain} {`) + 1)) {
    if (pending === "" && line === "}") break;
    if (pending === "" && /^(type \w+ hook |comment ")/.test(line)) continue;
    pending = pending === "" ? line : `${pending} ${line}`;
    if (depth(pending) > 0) continue;
    rules.push(pending);
    pending = "";
  }
  return rules;
}

/** The number of open braces; those inside quotes do not count. */
function depth(text: string): number {
  const bare = text.replaceAll(/"[^"]*"/g, "");
  return bare.split("{").length - bare.split("}").length;
}
