/** The answer of this host's closed ports, so that guarded ones can give the same. */

import type { Family } from "../core/address.ts";
import { type Findings, warning } from "../core/finding.ts";
import type { Proto } from "../core/port.ts";
import { answerTo } from "../firewall/deny-answer.ts";
import type { Denial, Denied, DenyAnswer, PlainAnswer } from "../firewall/deny-answer.ts";
import { legacyNames } from "./legacy/names.ts";
import type { Listing } from "./listing.ts";
import { readDecidingRules } from "./read-listing.ts";
import type { Probe } from "./probe.ts";
import { describePlace, type RuleText } from "./rule-text.ts";
import { follow } from "./trace.ts";

/** A port that no service and no rule is likely to name. */
const CLOSED_PORT = 47_851;

/**
 * A closed port, as seen through the interface of the default route. Where there are several, the
 * first is as good as another: there is one answer for all. The address that strangers use is
 * unknown, so rules about one address decide nothing.
 */
function closedPort({ arrivals }: Listing, family: Family, proto: Proto): Probe {
  const [arrives] = arrivals?.interfaces ?? [];
  const probe = { family, proto, port: CLOSED_PORT };
  return arrives === undefined ? probe : { ...probe, interface: arrives };
}

/** One family's answer, in one word where both protocols get the same. */
export function denyAnswerOf(listing: Listing, family: Family): DenyAnswer {
  const [tcp, udp] = (["tcp", "udp"] as const).map(
    (proto): PlainAnswer =>
      follow(listing, closedPort(listing, family, proto)).ended?.answer ?? "reset",
  ) as [PlainAnswer, PlainAnswer];
  return tcp === udp ? tcp : { tcp, udp };
}

/** How the host of this listing answers at closed ports. */
function denialOf(listing: Listing): Denial {
  const deny = { ip: denyAnswerOf(listing, 4), ip6: denyAnswerOf(listing, 6) };
  const answered = ([4, 6] as const).flatMap((family) =>
    (["tcp", "udp"] as const)
      .map((proto) => ({ family, proto, probe: closedPort(listing, family, proto) }))
      .filter(({ proto }) => answerTo(family === 4 ? deny.ip : deny.ip6, proto) !== "drop"),
  );
  const those = (which: (probe: Probe) => boolean) =>
    answered
      .filter(({ probe }) => which(probe))
      .map(({ family, proto }): Denied => ({ family, proto }));
  const invalidDropped = those(
    (probe) => follow(listing, { ...probe, state: "invalid" }).ended?.answer === "drop",
  );
  const resetByRule = those((probe) => follow(listing, probe).ended?.answer === "reset");
  return {
    ...deny,
    ...(invalidDropped.length > 0 && { invalidDropped }),
    ...(resetByRule.length > 0 && { resetByRule }),
  };
}

/**
 * Reads the rules of this network namespace: the drop or reject that a packet to a closed port
 * meets in another table's ingress, prerouting or input chains, those of iptables-legacy included,
 * or else the kernel's own answer; and whether a packet that tracking calls invalid is dropped there. Throws
 * OpError without privilege.
 */
export function detectDeny(): Denial {
  return denialOf(readDecidingRules());
}

/**
 * Whether this network namespace has, or may have, rules that decide about closed ports and whose changes the kernel
 * announces to nobody.
 */
export function mayDenyUnheard(): boolean {
  return legacyNames("ip").length > 0 || legacyNames("ip6").length > 0;
}

/** Check: `deny = "auto"` could follow every rule that may decide the answer of closed ports. */
export function checkDeny(listing: Listing, textOf: RuleText): Findings {
  const unclear = ([4, 6] as const).flatMap((family) =>
    (["tcp", "udp"] as const).flatMap(
      (proto) => follow(listing, closedPort(listing, family, proto)).unclear,
    ),
  );
  const places = new Map(unclear.map((at) => [JSON.stringify(at), at]));
  return [...places.values()].map((at) =>
    warning(
      `Could not see whether closed ports of this host are dropped, as guarded ones would be then: ${describePlace(at, textOf)}`,
      'read the rule with iptables-save (iptables-legacy-save), and set guard.deny to "drop" or "reset" as it says',
    ),
  );
}
