/** Matches of iptables that nft's JSON leaves opaque, read from the text in which nft translates them. */

import type { Statement } from "../../firewall/rule-match.ts";
import type { ListedRule } from "./listing.ts";

/** Those that pick first packets by port or state; others pick particular senders, and count as unmet. */
const TELLING = new Set(["multiport", "conntrack", "state", "tcp", "udp"]);

/** Whether the statement is a match that decides for strangers too, and that JSON does not tell. */
export function isOpaque(statement: Statement): boolean {
  const { type, name } = (statement["xt"] ?? {}) as { type?: string; name?: string };
  return type === "match" && TELLING.has(name ?? "");
}

const PORTS = /\b(tcp|udp) dport (!= )?(\{[^}]*\}|\d+(?:-\d+)?)/;
const STATES = /\bct state (!= )?(?:\{ ([\w, ]+) \}|([\w,]+))/;

/**
 * The rule with such matches replaced by what `text`, the rule as nft prints it, says of them; those
 * that the text does not tell either stay opaque.
 */
export function translated(rule: ListedRule, text: string): ListedRule {
  if (!rule.expr.some(isOpaque)) return rule;
  return {
    ...rule,
    expr: rule.expr.map((one) => (isOpaque(one) ? (toMatch(one, text) ?? one) : one)),
  };
}

function toMatch(statement: Statement, text: string): Statement | undefined {
  const { name } = statement["xt"] as { name: string };
  return name === "conntrack" || name === "state" ? stateMatch(text) : portMatch(text);
}

function portMatch(text: string): Statement | undefined {
  const [, protocol, negated, ports] = PORTS.exec(text) ?? [];
  if (ports === undefined) return undefined;
  const set = [...ports.matchAll(/(\d+)(?:-(\d+))?/g)].map(([, from, to]) =>
    to === undefined ? Number(from) : { range: [Number(from), Number(to)] },
  );
  const left = { payload: { protocol, field: "dport" } };
  return { match: { op: negated === undefined ? "==" : "!=", left, right: { set } } };
}

function stateMatch(text: string): Statement | undefined {
  const [, negated, braced, plain] = STATES.exec(text) ?? [];
  const states = (braced ?? plain)?.split(/, ?/);
  if (states === undefined) return undefined;
  const op = negated === undefined ? "in" : "!=";
  return { match: { op, left: { ct: { key: "state" } }, right: states } };
}
