/**
 * What closed ports are silent to, whatever they answer to others: packets that another table drops
 * as invalid, and what the stack refuses to read before it looks for a port. `reject` would
 * answer, and one such packet to each port would list the guarded ones.
 */

import { isStacks } from "./deny-answer.ts";
import type { GuardPlan } from "./guard-plan.ts";
import type { Chain } from "./mend-answer.ts";

/** linux/tcp.h: doff, in words of four bytes, the common ones first: Linux, no options, scanners. */
const HEADER_WORDS = [10, 5, 6, 8, 11, 7, 9, 12, 13, 14, 15] as const;

const SILENT = 'comment "malformed: a closed port is silent"';

/** Ends the packets of a TCP header that is shorter than a header, or than it says. */
const WHOLE: Chain = {
  name: "whole",
  rules: [
    // A byte behind the end of the packet cannot be loaded, and ends the rule.
    ...HEADER_WORDS.map((words) => `tcp doff ${words} @th,${(words * 4 - 1) * 8},8 >= 0 return`),
    `drop ${SILENT}`,
  ],
};

/** The condition for the families whose answer to a protocol is the stack's own; undefined for none. */
function whereStackAnswers({ deny }: GuardPlan, proto: "tcp" | "udp"): string | undefined {
  const ip = isStacks(deny, 4, proto);
  const ip6 = isStacks(deny, 6, proto);
  if (ip && ip6) return "";
  if (ip) return "meta nfproto ipv4 ";
  return ip6 ? "meta nfproto ipv6 " : undefined;
}

/** The rules before those that answer. */
export function malformedRules(plan: GuardPlan): string[] {
  const tcp = whereStackAnswers(plan, "tcp");
  return [
    ...(plan.deny.invalidDropped ?? []).map(
      ({ family, proto }) =>
        `meta nfproto ipv${family} meta l4proto ${proto} ct state invalid drop ` +
        'comment "invalid: another table drops it"',
    ),
    ...(tcp === undefined
      ? []
      : [
          `${tcp}meta l4proto tcp meta pkttype != host drop comment "in a frame to a group: a closed port is silent"`,
          `${tcp}meta l4proto tcp jump whole`,
        ]),
    // Tracking calls a datagram invalid if its length is not that of the packet, or its checksum wrong.
    ...(isStacks(plan.deny, 4, "udp")
      ? [`meta nfproto ipv4 meta l4proto udp ct state invalid drop ${SILENT}`]
      : []),
    ...(isStacks(plan.deny, 6, "udp")
      ? [
          `meta nfproto ipv6 udp checksum 0 drop ${SILENT}`,
          // RFC 2675: 0 says that it is as long as the packet, and the stack answers that.
          `meta nfproto ipv6 udp length != 0 ct state invalid drop ${SILENT}`,
        ]
      : []),
  ];
}

/** The chains that those rules lead to. */
export function malformedChains(plan: GuardPlan): Chain[] {
  return whereStackAnswers(plan, "tcp") === undefined ? [] : [WHOLE];
}
