/** Conditions of a rule, for a first packet to one particular port. */

import { matches, type Statement, vmapVerdict } from "../firewall/rule-match.ts";
import type { Probe } from "../firewall/closed-port.ts";
import { isPortField, type ListedRule, type Listing, setKey } from "./listing.ts";

/** A first packet from an address nobody has a rule for, to `port` of this machine. */
export interface PortProbe extends Probe {
  readonly port: number;
}

/** Whether the packet goes on to the rule's next statement. */
export function meets(
  statement: Statement,
  probe: PortProbe,
  rule: ListedRule,
  sets: Listing["sets"],
): boolean {
  const { op, left, right } = (statement["match"] ?? {}) as {
    op?: string;
    left?: unknown;
    right?: unknown;
  };
  if (!isPortField(left)) return matches(statement, probe, rule.expr);
  if (!isOfProto(left, probe)) return false;
  if (typeof right === "number") {
    if (op === "<") return probe.port < right;
    if (op === "<=") return probe.port <= right;
    if (op === ">") return probe.port > right;
    if (op === ">=") return probe.port >= right;
  }
  return holds(named(right, rule, sets), probe.port) !== (op === "!=");
}

/** The statement that a verdict map yields for the packet; undefined when it has none for it. */
export function mapped(
  statement: Statement,
  probe: PortProbe,
  rule: ListedRule,
  sets: Listing["sets"],
): Statement | undefined {
  const { key, data } = statement["vmap"] as { key: unknown; data: unknown };
  if (!isPortField(key)) return vmapVerdict(statement, probe);
  if (!isOfProto(key, probe)) return undefined;
  const inline = (data as { set?: unknown } | null)?.set;
  const pairs = (inline ?? named(data, rule, sets)) as readonly (readonly [unknown, Statement])[];
  return pairs.find(([port]) => holds(port, probe.port))?.[1];
}

function isOfProto({ payload }: { payload: { protocol: string } }, probe: PortProbe): boolean {
  return payload.protocol === "th" || payload.protocol === probe.proto;
}

/** The elements of "@name", of which the listing has all that such conditions name. */
function named(right: unknown, rule: ListedRule, sets: Listing["sets"]): unknown {
  return typeof right === "string" ? (sets.get(setKey(rule, right)) ?? []) : right;
}

/** Whether a port is in what stands on the right: itself, a set, a list, a range. */
function holds(right: unknown, port: number): boolean {
  if (Array.isArray(right)) return right.some((part) => holds(part, port));
  if (typeof right !== "object" || right === null) return right === port;
  const { set, range, elem } = right as {
    set?: unknown;
    range?: readonly [number, number];
    elem?: { val?: unknown };
  };
  if (range !== undefined) return range[0] <= port && port <= range[1];
  if (elem !== undefined) return holds(elem.val, port);
  return set !== undefined && holds(set, port);
}
