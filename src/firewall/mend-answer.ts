/**
 * Makes the resets of `reject` equal to those of the stack: the packet's DSCP, and for IPv6 a flow
 * label.
 */

import { isStacks } from "./deny-answer.ts";
import type { GuardPlan } from "./guard-plan.ts";

/** A chain in nft's words. */
export interface Chain {
  readonly name: string;
  /** Type, hook and policy of a base chain. */
  readonly base?: string;
  readonly rules: readonly string[];
}

/** Chains that only some plans, or guards of earlier versions (`answer`), have. */
export const OPTIONAL_CHAINS: readonly string[] = [
  "answer",
  "allowed",
  "claim",
  "renew",
  "whole",
  "mend",
  "dscp4",
  "dscp6",
  "labels",
  "even",
  "plain",
];

/** linux/netfilter_ipv4.h: NF_IP_PRI_RAW: the stack's own resets have no tracked connection yet. */
const PRIORITY_RAW = -300;
/** NF_IP_PRI_MANGLE: by then they are tracked, or called invalid. */
const PRIORITY_MANGLE = -150;
/** linux/ip.h: struct iphdr without options, then struct tcphdr: a packet of `reject`. */
const RESET_LENGTH = 20 + 20;
/** Identifies a mark as ours; the low byte is the type of service to answer with. */
const MARK = 0x73_61_6c_00;
/** The type of service of every code point except 0. The stack echoes no ECN bits. */
const SERVICES = Array.from({ length: 63 }, (_, i) => (i + 1) << 2);

const hex = (value: number) => `0x${value.toString(16)}`;

const RESET = "tcp flags & (fin | syn | rst) == rst";

/** A mark of ours. */
const MARKED = `ct mark & ${hex(0xffff_ff00)} == ${hex(MARK)}`;

const markOf = (service: number) => MARK + service;

/** A map in nft's words: types, then an element for each type of service. */
function services(
  types: string,
  key: (service: number) => number,
  value: (service: number) => number,
): string {
  const pairs = SERVICES.map((service) => `${hex(key(service))} : ${hex(value(service))}`);
  return `typeof ${types}; elements = { ${pairs.join(", ")} }`;
}

/** The maps in which the rules look up marks: for each, the text between its braces. */
const MAPS = {
  mark4_of: services("@nh,8,8 : ct mark", (service) => service, markOf),
  // Version, class and the label's first bits.
  mark6_of: services("@nh,0,16 : ct mark", (service) => service << 4, markOf),
  length4_of: services("ct mark : ip length", markOf, (service) => RESET_LENGTH + service),
  // Version and header length, type of service, total length.
  word4_of: services(
    "ct mark : @nh,0,32",
    markOf,
    (service) => 0x4500_0000 + service * 0x1_0000 + RESET_LENGTH,
  ),
  // Version, class; the label's first bits, in the same word, are 0 until `labels`.
  word6_of: services("ct mark : @nh,0,16", markOf, (service) => 0x6000 + (service << 4)),
} as const;

/** The maps of a plan by name. */
export function markMaps(plan: GuardPlan): [name: string, definition: string][] {
  const { ip, ip6 } = resets(plan);
  if (plan.echoDscp === false || (!ip && !ip6)) return [];
  return Object.entries(MAPS);
}

function resets(plan: GuardPlan): { readonly ip: boolean; readonly ip6: boolean } {
  return {
    ip: isStacks(plan.deny, 4, "tcp"),
    ip6: isStacks(plan.deny, 6, "tcp"),
  };
}

/** The stack does not answer a segment that is signed with a key it does not have. */
export function silentRules(plan: GuardPlan): string[] {
  const { ip, ip6 } = resets(plan);
  if (!ip && !ip6) return [];
  return (plan.silentOptions ?? []).map(
    (kind) => `tcp option ${kind} exists drop comment "signed: a closed port is silent"`,
  );
}

/**
 * Rules before `reject`: the DSCP travels to the reset as the mark of the connection, which
 * `reject` attaches to it. Only for a new connection without a mark: it ends with the packet, so no
 * mark of a living session or of an administrator is touched.
 */
export function carryRules(plan: GuardPlan): string[] {
  if (plan.echoDscp === false) return [];
  const { ip, ip6 } = resets(plan);
  const unmarked = "meta l4proto tcp ct state new ct mark 0 ct mark set";
  // Most packets have no DSCP: then there is nothing to look up.
  const carries = 'comment "carries the DSCP to the reset"';
  return [
    // As bits: for `ip dscp` with a named map, nft shifts the value it looks up, for IPv6 wrongly.
    ...(ip
      ? [
          `meta nfproto ipv4 @nh,8,8 & 0xfc != 0 ${unmarked} @nh,8,8 & 0xfc map @mark4_of ${carries}`,
        ]
      : []),
    ...(ip6
      ? [
          `meta nfproto ipv6 @nh,0,16 & 0xfc0 != 0 ${unmarked} @nh,0,16 & 0xfc0 map @mark6_of ${carries}`,
        ]
      : []),
  ];
}

/**
 * nft writes part of a byte only from constants, and knows no checksum of raw writes. So the length
 * first grows by the type of service, which corrects the checksum by exactly that. Then both words
 * get their right values without the checksum. A mark that is not ours is in no map and ends the
 * rule.
 */
function dscp4Rules(): string[] {
  return [
    "ip length set ct mark map @length4_of @nh,0,32 set ct mark map @word4_of ct mark set 0 " +
      'comment "puts the DSCP of the packet into the reset"',
  ];
}

function dscp6Rules(): string[] {
  return [
    '@nh,0,16 set ct mark map @word6_of ct mark set 0 comment "puts the DSCP of the packet into the reset"',
  ];
}

/**
 * The stack gives its IPv6 resets a flow label, `reject` gives 0: that alone would reveal the
 * guarded ports. The kernel draws the seeds, so nobody can tell these labels from the stack's.
 */
function labelRules(): string[] {
  const flow = "jhash ip6 saddr . ip6 daddr . tcp sport . tcp dport";
  return [
    // The word takes the upper half of the 32-bit hash.
    `@nh,16,16 set ${flow} mod 4294967295 comment "a flow label, as the stack gives one"`,
    // The label's first four bits share their byte with the class: set one by one.
    ...[12, 13, 14, 15].map((bit) => `${flow} mod 2 1 @nh,${bit},1 set 1`),
  ];
}

/**
 * A packet that tracking calls invalid has no connection to carry a mark, so the guard's resets for
 * it have no DSCP. With these rules, no such reset has one. Resets of known connections are not
 * touched.
 */
function evenChains({ ip, ip6 }: { readonly ip: boolean; readonly ip6: boolean }): Chain[] {
  const base = `type filter hook output priority ${PRIORITY_MANGLE}; policy accept;`;
  const to = `${RESET} ct state invalid goto plain comment "an answer to no connection: as ours"`;
  const plain = [...(ip ? ["ip dscp set 0"] : []), ...(ip6 ? ["ip6 dscp set 0"] : [])];
  return [
    { name: "even", base, rules: [to] },
    { name: "plain", rules: plain },
  ];
}

/**
 * The hook that mends the guard's answers, from the ports of these lists, and the chains it leads to;
 * empty where nothing needs mending. Every packet that this host sends comes here.
 */
export function mendingChains(plan: GuardPlan, lists: readonly string[]): Chain[] {
  const { ip, ip6 } = resets(plan);
  const echo = plan.echoDscp !== false;
  const chains: Chain[] = [];
  const rules: string[] = [];
  const mend = (name: string, applies: readonly string[], body: readonly string[]) => {
    chains.push({ name, rules: body });
    rules.push(...applies.map((which) => `${which} jump ${name} comment "a reset of ours"`));
  };
  if (ip && echo) mend("dscp4", [`meta nfproto ipv4 ${RESET} ${MARKED}`], dscp4Rules());
  if (ip6 && echo) mend("dscp6", [`meta nfproto ipv6 ${RESET} ${MARKED}`], dscp6Rules());
  if (ip6 && plan.flowLabels !== false) {
    const from = lists.map((list) => `meta l4proto . th sport @${list}`);
    mend(
      "labels",
      from.map((ours) => `ip6 flowlabel 0 ${RESET} ${ours}`),
      labelRules(),
    );
  }
  if (rules.length === 0) return [];
  const base = `type filter hook output priority ${PRIORITY_RAW}; policy accept;`;
  const mending = [{ name: "mend", base, rules }, ...chains];
  return echo ? [...mending, ...evenChains({ ip, ip6 })] : mending;
}
