/** Matches and targets of iptables that nft's JSON leaves opaque, read from nft's text. */

import type { ListedRule, Statement } from "./listing.ts";
import { xtName } from "./xt.ts";

/**
 * The matches that pick first packets by port or state; others pick particular senders, and count
 * as unmet.
 */
const TELLING = new Set(["multiport", "conntrack", "state", "tcp", "udp", "addrtype"]);

/** Whether `translated` reads the statement and the statement decides the packet's fate. */
export function decides(statement: Statement): boolean {
  return isOpaque(statement) || isTarget(statement, "REJECT");
}

/** Whether `translated` reads the statement. */
export function isTranslated(statement: Statement): boolean {
  return decides(statement) || isTarget(statement, "DNAT");
}

function isTarget(statement: Statement, wanted: string): boolean {
  return xtName(statement, "target") === wanted;
}

/** Whether the statement tests whether an address belongs to this machine. */
export function isAddressType(statement: Statement): boolean {
  return xtName(statement, "match") === "addrtype";
}

/** Whether the statement is a match that decides for strangers too, but is opaque in JSON. */
export function isOpaque(statement: Statement): boolean {
  return TELLING.has(xtName(statement, "match") ?? "");
}

const PORTS = /\b(tcp|udp) dport (!= )?(\{[^}]*\}|\d+(?:-\d+)?)/;
const TYPE = /\bfib (saddr|daddr) type (!= )?(?:\{ ([\w, ]+) \}|(\w+))/;
/** "dnat to 172.17.0.2:80", "dnat to [fd00::2]:80", "dnat to 172.17.0.2" */
const DNAT = /\bdnat to (?:\[([0-9a-f:]+)\]|([0-9.]+|[0-9a-f]*:[0-9a-f:]+?))(?::(\d+))?(?=\s|$)/;
/** "reject", "reject with tcp reset", "reject with icmp type host-prohibited", or without "type" */
const REJECT = /\breject(?: with (icmpx|icmpv6|icmp|tcp) (?:type )?([\w-]+))?(?=\s|$)/;
const STATES = /\bct state (!= )?(?:\{ ([\w, ]+) \}|([\w,]+))/;

/**
 * The rule with such statements replaced by their meaning in `text`, the rule as nft prints it.
 * Statements that the text does not explain stay opaque.
 */
export function translated(rule: ListedRule, text: string): ListedRule {
  if (!rule.expr.some(isTranslated)) return rule;
  const bare = text.replaceAll(/"[^"]*"/g, '""'); // a comment says nothing
  const read = (one: Statement) => {
    if (isTarget(one, "DNAT")) return toDnat(bare);
    return isTarget(one, "REJECT") ? toReject(bare) : toMatch(one, bare);
  };
  return {
    ...rule,
    expr: rule.expr.map((one) => (isTranslated(one) ? (read(one) ?? one) : one)),
  };
}

function toDnat(text: string): Statement | undefined {
  const [, bracketed, plain, port] = DNAT.exec(text) ?? [];
  const addr = bracketed ?? plain;
  if (addr === undefined) return undefined;
  return { dnat: { addr, ...(port !== undefined && { port: Number(port) }) } };
}

function toReject(text: string): Statement | undefined {
  const [found, type, expr] = REJECT.exec(text) ?? [];
  if (found === undefined) return undefined;
  if (type === undefined) return { reject: null };
  return { reject: type === "tcp" ? { type: "tcp reset" } : { type, expr } };
}

function toMatch(statement: Statement, text: string): Statement | undefined {
  const name = xtName(statement, "match");
  if (name === "addrtype") return typeMatch(text);
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

function typeMatch(text: string): Statement | undefined {
  const [, side, negated, braced, plain] = TYPE.exec(text) ?? [];
  if (side === undefined) return undefined;
  const right = braced === undefined ? plain : { set: braced.split(/, ?/) };
  const left = { fib: { result: "type", flags: [side] } };
  return { match: { op: negated === undefined ? "==" : "!=", left, right } };
}

function stateMatch(text: string): Statement | undefined {
  const [, negated, braced, plain] = STATES.exec(text) ?? [];
  const states = (braced ?? plain)?.split(/, ?/);
  if (states === undefined) return undefined;
  const op = negated === undefined ? "in" : "!=";
  return { match: { op, left: { ct: { key: "state" } }, right: states } };
}
