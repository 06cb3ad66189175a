/** The answer of a closed port, and the nftables statements that give it. */

import type { Family } from "../core/address.ts";
import type { Proto } from "../core/port.ts";

/** The ICMP errors that `reject with` knows (nft(8), REJECT STATEMENT). */
export const ICMP_ANSWERS = {
  icmp: [
    "net-unreachable",
    "host-unreachable",
    "prot-unreachable",
    "port-unreachable",
    "net-prohibited",
    "host-prohibited",
    "admin-prohibited",
  ],
  icmpv6: [
    "no-route",
    "admin-prohibited",
    "addr-unreachable",
    "port-unreachable",
    "policy-fail",
    "reject-route",
  ],
  icmpx: ["port-unreachable", "admin-prohibited", "no-route", "host-unreachable"],
} as const;

type IcmpAnswers = typeof ICMP_ANSWERS;

/** The word after `reject with icmp` (`icmpv6`, `icmpx`), behind the name of its type. */
export type IcmpAnswer = {
  [Type in keyof IcmpAnswers]: `${Type} ${IcmpAnswers[Type][number]}`;
}[keyof IcmpAnswers];

/**
 * "drop": silence. "reset": the kernel's own answer for a port without a listener, a TCP reset or
 * ICMP port unreachable. Otherwise an ICMP error, also to TCP.
 */
export type PlainAnswer = "drop" | "reset" | IcmpAnswer;

/** One answer for both protocols, or one for each where a host treats them differently. */
export type DenyAnswer = PlainAnswer | Readonly<Record<Proto, PlainAnswer>>;

/** How guarded ports deny, by family. */
export interface Denial {
  readonly ip: DenyAnswer;
  readonly ip6: DenyAnswer;
  /**
   * What is dropped of packets that connection tracking calls invalid, though a first packet gets an
   * answer. Default: nothing.
   */
  readonly invalidDropped?: readonly Denied[];
  /**
   * What gets its "reset" from a rule of another table, which answers more than the stack does.
   * Default: nothing.
   */
  readonly resetByRule?: readonly Denied[];
}

export interface Denied {
  readonly family: Family;
  readonly proto: Proto;
}

/** Whether the answer is to be the stack's own in everything. */
export function isStacks(deny: Denial, family: Family, proto: Proto): boolean {
  const byRule = deny.resetByRule?.some((one) => one.family === family && one.proto === proto);
  return answerTo(family === 4 ? deny.ip : deny.ip6, proto) === "reset" && byRule !== true;
}

/** The answer to one protocol. */
export function answerTo(deny: DenyAnswer, proto: Proto): PlainAnswer {
  return typeof deny === "string" ? deny : deny[proto];
}

function statement(answer: PlainAnswer, proto: Proto): string {
  if (answer === "drop") return "drop";
  // With "type", which nftables before 1.0 requires.
  if (answer !== "reset") return `reject with ${answer.replace(" ", " type ")}`;
  return proto === "tcp" ? "reject with tcp reset" : "reject with icmpx type port-unreachable";
}

/** The rules that answer like a closed port, in nft's words. They drop the rest. */
export function closedRules(deny: Denial): string[] {
  const rules: string[] = [];
  for (const proto of ["tcp", "udp"] as const) {
    const ip = statement(answerTo(deny.ip, proto), proto);
    const ip6 = statement(answerTo(deny.ip6, proto), proto);
    if (ip === ip6) {
      if (ip !== "drop") rules.push(`meta l4proto ${proto} ${ip}`);
      continue;
    }
    if (ip !== "drop") rules.push(`meta nfproto ipv4 meta l4proto ${proto} ${ip}`);
    if (ip6 !== "drop") rules.push(`meta nfproto ipv6 meta l4proto ${proto} ${ip6}`);
  }
  // Even where everything was rejected: a packet whose answer the kernel cannot make must not pass.
  return [...rules, 'drop comment "silence, and what could not be answered"'];
}
