/** Whether the value that a rule tests in a packet is among the values that the rule names. */

import { type Address, isWithin, parseAddress, parsePrefix } from "../core/address.ts";
import type { Seen } from "./seen.ts";

/** `right`: the right side of a condition: a value, a list, a range, a set with its elements. */
export function agrees(seen: Seen, right: unknown): boolean {
  if (seen === "absent" || seen === "particular") return false;
  if (seen === "any") return true;
  if (seen === "any but lo") return !includes(right, "lo");
  if ("is" in seen) return seen.is.some((value) => includes(right, value));
  return concatenations(right).some((parts) =>
    seen.each.every((one, i) => parts[i] !== undefined && agrees(one, parts[i])),
  );
}

function concatenations(right: unknown): (readonly unknown[])[] {
  if (Array.isArray(right)) return right.flatMap(concatenations);
  if (typeof right !== "object" || right === null) return [];
  const { set, elem, concat } = right as {
    set?: unknown;
    elem?: { val?: unknown };
    concat?: readonly unknown[];
  };
  return concat === undefined ? concatenations(elem === undefined ? set : elem.val) : [concat];
}

/** Whether a value is on the right side. */
export function includes(right: unknown, value: unknown): boolean {
  if (Array.isArray(right)) return listIncludes(right, value);
  if (isPattern(right)) {
    return typeof value === "string" && value.startsWith(right.slice(0, -1));
  }
  if (typeof right !== "object" || right === null) return right === value;
  const { set, range, elem, prefix } = right as {
    set?: unknown;
    range?: readonly [unknown, unknown];
    elem?: { val?: unknown };
    prefix?: { addr: string; len: number };
  };
  if (prefix !== undefined) return inNetwork(value, prefix);
  if (range !== undefined) return inRange(value, range);
  if (elem !== undefined) return includes(elem.val, value);
  return set !== undefined && includes(set, value);
}

/** "br-*" */
function isPattern(right: unknown): right is string {
  return typeof right === "string" && right.endsWith("*");
}

/** Shorter lists are searched faster than remembered. */
const LONG = 16;

interface Split {
  readonly plain: ReadonlySet<unknown>;
  readonly others: readonly unknown[];
}

/** Of long lists, which are searched once for each guarded port. */
const splits = new WeakMap<readonly unknown[], Split>();

function listIncludes(list: readonly unknown[], value: unknown): boolean {
  if (list.length < LONG) return list.some((part) => includes(part, value));
  let split = splits.get(list);
  if (split === undefined) {
    const isPlain = (part: unknown) => typeof part !== "object" && !isPattern(part);
    const { plain = [], others = [] } = Object.groupBy(list, (part) =>
      isPlain(part) ? "plain" : "others",
    );
    split = { plain: new Set(plain), others };
    splits.set(list, split);
  }
  return split.plain.has(value) || split.others.some((part) => includes(part, value));
}

function inRange(value: unknown, [from, to]: readonly [unknown, unknown]): boolean {
  if (typeof value === "number") return Number(from) <= value && value <= Number(to);
  if (typeof value !== "string" || typeof from !== "string" || typeof to !== "string") return false;
  const [address, first, last] = [addressOf(value), parseAddress(from), parseAddress(to)];
  if (address === undefined || first === undefined || last === undefined) return false;
  return order(first, address) <= 0 && order(address, last) <= 0;
}

/** Negative where `a` comes before `b`; NaN for addresses of two families. */
function order(a: Address, b: Address): number {
  if (a.family !== b.family) return Number.NaN;
  return a.a0 - b.a0 || a.a1 - b.a1 || a.a2 - b.a2 || a.a3 - b.a3;
}

function inNetwork(value: unknown, { addr, len }: { addr: string; len: number }): boolean {
  if (typeof value !== "string" || value.includes(":") !== addr.includes(":")) return false;
  const address = addressOf(value);
  const network = address && parsePrefix(`${addr}/${len}`);
  return network !== undefined && isWithin(address!, network);
}

/** The machine's own addresses, which are compared with every network of a long list. */
const parsed = new Map<string, Address | undefined>();
const MOST_PARSED = 1_024;

function addressOf(text: string): Address | undefined {
  if (!parsed.has(text)) {
    if (parsed.size >= MOST_PARSED) parsed.clear();
    parsed.set(text, parseAddress(text));
  }
  return parsed.get(text);
}
