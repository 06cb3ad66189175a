/** What this host's closed ports answer, so that guarded ones can answer the same. */

import type { Family } from "../core/address.ts";
import { OpError } from "../core/errors.ts";
import { runNft } from "../native/libnftables.ts";
import { closedPortAnswer } from "./closed-port.ts";
import type { RuleSet } from "./closed-port.ts";
import type { DenyAnswer } from "./deny-answer.ts";
import { nftError } from "./nft-error.ts";

/** One family's answer, in one word where both protocols get the same. */
export function denyAnswerOf(ruleSet: RuleSet, family: Family): DenyAnswer {
  const tcp = closedPortAnswer(ruleSet, { family, proto: "tcp" });
  const udp = closedPortAnswer(ruleSet, { family, proto: "udp" });
  return tcp === udp ? tcp : { tcp, udp };
}

/**
 * Reads the rules of this network namespace: a drop or reject that a closed port of this host meets
 * in another table's prerouting or input chains, or else the kernel's own answer. Rules of
 * iptables-legacy are not seen. Throws OpError without privilege.
 */
export function detectDeny(): { readonly ip: DenyAnswer; readonly ip6: DenyAnswer } {
  const listed = runNft("list ruleset", { json: true, terse: true });
  if (!listed.ok) throw nftError("read", "the rule set", listed.error);
  const ruleSet = parseRuleSet(listed.output);
  return { ip: denyAnswerOf(ruleSet, 4), ip6: denyAnswerOf(ruleSet, 6) };
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
