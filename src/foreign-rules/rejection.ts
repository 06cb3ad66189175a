/** The answer to a packet that a rule of another table rejects. */

import type { Proto } from "../core/port.ts";
import { ICMP_ANSWERS, type IcmpAnswer, type PlainAnswer } from "../firewall/deny-answer.ts";
import type { Statement } from "./listing.ts";
import { xtName } from "./xt.ts";

/** Undefined for statements that reject nothing. `rule` is the whole rule of the statement. */
export function rejectionOf(
  statement: Statement,
  proto: Proto,
  rule: readonly Statement[],
): PlainAnswer | undefined {
  if ("reject" in statement) return rejectAnswer(statement["reject"], proto);
  if (xtName(statement, "target") !== "REJECT") return undefined;
  // An iptables REJECT whose option nft does not print. It counts as a reset where the rule is
  // about TCP, the usual purpose of such a rule, and otherwise as its default.
  const aboutProto = rule.some((one) => "match" in one);
  return proto === "tcp" && aboutProto ? "reset" : rejectAnswer(null, proto);
}

/** `reject` alone is ICMP port unreachable, also to TCP. */
function rejectAnswer(reject: unknown, proto: Proto): PlainAnswer {
  const { type = "icmpx", expr = "port-unreachable" } = (reject ?? {}) as {
    type?: string;
    expr?: string;
  };
  if (type === "tcp reset") return "reset";
  if (proto === "udp" && expr === "port-unreachable") return "reset";
  const known = (ICMP_ANSWERS as Record<string, readonly string[]>)[type]?.includes(expr) === true;
  return known ? (`${type} ${expr}` as IcmpAnswer) : "icmpx port-unreachable";
}
