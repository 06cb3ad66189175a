/** Follows a first packet to a closed port through the rules of a host, to learn what it answers. */

import type { Family } from "../core/address.ts";
import type { Proto } from "../core/port.ts";
import { ICMP_ANSWERS } from "./deny-answer.ts";
import type { IcmpAnswer, PlainAnswer } from "./deny-answer.ts";
import { matches, vmapVerdict } from "./rule-match.ts";
import type { Statement } from "./rule-match.ts";
import { FAMILY, TABLE } from "./sets.ts";

/** A first packet from an address nobody has a rule for, to a port nobody serves, not through lo. */
export interface Probe {
  readonly family: Family;
  readonly proto: Proto;
  /** Where it comes in; absent: anywhere but through lo. */
  readonly interface?: string;
  /** What it may be sent to; absent: nobody knows, and rules about one address do not apply. */
  readonly addresses?: readonly string[];
}

interface Chain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook?: string;
  readonly type?: string;
  readonly prio?: number;
  readonly policy?: string;
}

interface Rule {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly expr: readonly Statement[];
}

/** What `nft -j list ruleset` prints, of which only chains and rules matter here. */
export interface RuleSet {
  readonly nftables: readonly { readonly chain?: Chain; readonly rule?: Rule }[];
}

/** "accept" ends a base chain, the answers end the packet, "return" the chain, undefined nothing. */
type Verdict = PlainAnswer | "accept" | "return" | undefined;

/** A packet passes these hooks on its way to a local socket, in this order. */
const HOOKS = ["prerouting", "input"];
/** nf_tables refuses deeper jumps (NFT_JUMP_STACK_SIZE). */
const DEEPEST = 16;

/**
 * The answer to the probe: of the first rule or policy that ends it, or "reset", the kernel's own,
 * when all chains let it pass. Conditions on what a closed port's visitor cannot have (an address, a
 * mark, another port) count as unmet. The table `inet sallyport` is left out.
 */
export function closedPortAnswer(ruleSet: RuleSet, probe: Probe): PlainAnswer {
  const families = new Set(["inet", probe.family === 4 ? "ip" : "ip6"]);
  const own = (entry: { family: string; table: string }) =>
    families.has(entry.family) && !(entry.family === FAMILY && entry.table === TABLE);
  const chains = ruleSet.nftables.flatMap(({ chain }) => (chain && own(chain) ? [chain] : []));
  const rules = new Map<string, Rule[]>();
  for (const { rule } of ruleSet.nftables) {
    if (rule === undefined || !own(rule)) continue;
    const key = chainKey(rule, rule.chain);
    const list = rules.get(key);
    if (list === undefined) rules.set(key, [rule]);
    else list.push(rule);
  }
  const base = chains
    .filter(({ hook, type }) => HOOKS.includes(hook ?? "") && type !== "nat")
    .sort(
      (a, b) => HOOKS.indexOf(a.hook!) - HOOKS.indexOf(b.hook!) || (a.prio ?? 0) - (b.prio ?? 0),
    );
  for (const chain of base) {
    const verdict = follow(rules, chain, chain.name, probe, 0);
    if (verdict === undefined || verdict === "return") {
      if (chain.policy === "drop") return "drop";
    } else if (verdict !== "accept") {
      return verdict;
    }
  }
  return "reset";
}

function chainKey(entry: { family: string; table: string }, chain: string): string {
  return `${entry.family} ${entry.table} ${chain}`;
}

function follow(
  rules: ReadonlyMap<string, readonly Rule[]>,
  table: Chain,
  name: string,
  probe: Probe,
  depth: number,
): Verdict {
  if (depth > DEEPEST) return undefined;
  for (const rule of rules.get(chainKey(table, name)) ?? []) {
    for (const found of rule.expr) {
      const statement = "vmap" in found ? vmapVerdict(found, probe) : found;
      if (statement === undefined || !matches(statement, probe, rule.expr)) break;
      const target = targetOf(statement, "jump") ?? targetOf(statement, "goto");
      const verdict =
        target === undefined
          ? plainVerdict(statement, probe, rule.expr)
          : follow(rules, table, target, probe, depth + 1);
      if (verdict === "return" && target === undefined) return undefined;
      if (verdict !== undefined && verdict !== "return") return verdict;
      if ("goto" in statement) return undefined;
    }
  }
  return undefined;
}

function targetOf(statement: Statement, kind: "jump" | "goto"): string | undefined {
  return (statement[kind] as { target?: string } | null | undefined)?.target;
}

function plainVerdict(statement: Statement, probe: Probe, rule: readonly Statement[]): Verdict {
  // To be held and decided by a program counts as let through: nobody here can know.
  if ("accept" in statement || "queue" in statement) return "accept";
  if ("drop" in statement) return "drop";
  if ("return" in statement) return "return";
  if ("reject" in statement) return rejectAnswer(statement["reject"], probe);
  if ("xt" in statement) return xtVerdict(statement["xt"], probe, rule);
  return undefined;
}

/**
 * iptables' REJECT, whose option nft does not print: taken for a reset where the rule is about TCP,
 * which is what people write such a rule for, and else for its default.
 */
function xtVerdict(xt: unknown, probe: Probe, rule: readonly Statement[]): Verdict {
  const { type, name } = (xt ?? {}) as { type?: string; name?: string };
  if (type !== "target" || name !== "REJECT") return undefined;
  const aboutProto = rule.some((statement) => "match" in statement);
  if (probe.proto === "tcp" && aboutProto) return "reset";
  return rejectAnswer(null, probe);
}

/** `reject` without more is ICMP port unreachable, also to TCP. */
function rejectAnswer(reject: unknown, { proto }: Probe): PlainAnswer {
  const { type = "icmpx", expr = "port-unreachable" } = (reject ?? {}) as {
    type?: string;
    expr?: string;
  };
  if (type === "tcp reset") return "reset";
  if (proto === "udp" && expr === "port-unreachable") return "reset";
  const known = (ICMP_ANSWERS as Record<string, readonly string[]>)[type]?.includes(expr) === true;
  return known ? (`${type} ${expr}` as IcmpAnswer) : "icmpx port-unreachable";
}
