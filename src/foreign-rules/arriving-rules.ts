/** The rules that an incoming packet for this machine can meet. */

import { chainKey, type ListedChain, type ListedRule, type Listing } from "./listing.ts";

/** A packet passes these hooks on its way to a local socket, in this order. */
export const HOOKS = ["ingress", "prerouting", "input"] as const;

export function isArriving({ hook }: ListedChain): boolean {
  return (HOOKS as readonly (string | undefined)[]).includes(hook);
}

/**
 * The rules of chains with such a hook, and of every chain that they jump or go to, also through a
 * map.
 */
export function arrivingRules({
  chains,
  rules,
}: Listing): ReadonlyMap<string, readonly ListedRule[]> {
  const found = new Map<string, readonly ListedRule[]>();
  const pending = chains.filter(isArriving).map((chain) => chainKey(chain, chain.name));
  for (let key = pending.pop(); key !== undefined; key = pending.pop()) {
    const own = rules.get(key);
    if (own === undefined || found.has(key)) continue;
    found.set(key, own);
    for (const rule of own) {
      for (const target of targetsIn(rule.expr)) pending.push(chainKey(rule, target));
    }
    // A named map is listed separately: any chain of its table may be in it.
    const [first] = own;
    if (first === undefined || !own.some(({ expr }) => expr.some(asksNamedMap))) continue;
    for (const [other, [rule]] of rules) {
      if (rule?.family === first.family && rule.table === first.table) pending.push(other);
    }
  }
  return found;
}

/** Every `jump` and `goto` inside, however deep. */
function targetsIn(part: unknown): string[] {
  if (Array.isArray(part)) return part.flatMap(targetsIn);
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([name, value]) => {
    if (name !== "jump" && name !== "goto") return targetsIn(value);
    const { target } = (value ?? {}) as { target?: unknown };
    return typeof target === "string" ? [target] : [];
  });
}

function asksNamedMap(statement: Readonly<Record<string, unknown>>): boolean {
  const { data } = (statement["vmap"] ?? {}) as { data?: unknown };
  return typeof data === "string";
}
