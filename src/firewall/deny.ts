/** What this host's closed ports answer, so that guarded ones can answer the same. */

import type { Family } from "../core/address.ts";
import { OpError } from "../core/errors.ts";
import { runNft } from "../native/libnftables.ts";
import { readArrivals } from "./arrivals.ts";
import { closedPortAnswer } from "./closed-port.ts";
import type { RuleSet } from "./closed-port.ts";
import type { DenyAnswer } from "./deny-answer.ts";
import { nftError } from "./nft-error.ts";

/**
 * One family's answer, in one word where both protocols get the same. `arrives` is the interface that
 * strangers come in by; absent: rules about interfaces are taken as met.
 */
export function denyAnswerOf(ruleSet: RuleSet, family: Family, arrives?: string): DenyAnswer {
  const probe = { family, ...(arrives !== undefined && { interface: arrives }) };
  const tcp = closedPortAnswer(ruleSet, { ...probe, proto: "tcp" });
  const udp = closedPortAnswer(ruleSet, { ...probe, proto: "udp" });
  return tcp === udp ? tcp : { tcp, udp };
}

/**
 * Reads the rules of this network namespace: a drop or reject that a closed port of this host meets
 * in another table's prerouting or input chains when it comes in by the interface of the default
 * route, or else the kernel's own answer. Rules of
 * iptables-legacy are not seen. Throws OpError without privilege.
 */
export function detectDeny(): { readonly ip: DenyAnswer; readonly ip6: DenyAnswer } {
  const listed = runNft("list ruleset", { json: true, terse: true });
  if (!listed.ok) throw nftError("read", "the rule set", listed.error);
  const ruleSet = parseRuleSet(listed.output);
  // Where they come in by several, the first is as good as another: there is one answer for all.
  const [arrives] = readArrivals().interfaces;
  return { ip: denyAnswerOf(ruleSet, 4, arrives), ip6: denyAnswerOf(ruleSet, 6, arrives) };
}

function parseRuleSet(json: string): RuleSet {
  try {
    return JSON.parse(json) as RuleSet;
  } catch (error) {
    throw new OpError(
      {
        operation: "read",
        object: "the rule set",
        detail: "libnftables printed no JSON",
        code: 0,
        remedy: 'install a libnftables with JSON, or set guard.deny to "reset" or "drop"',
      },
      { cause: error },
    );
  }
}
