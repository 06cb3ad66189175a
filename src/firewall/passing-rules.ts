/**
 * Packets to other hosts pass unguarded. The guard looks once whose the destination is, and routing
 * looks again: an address that becomes this host's in between (at boot, with a new lease), or that is
 * this host's by a route of another table, would let in a packet that nobody judged. So first packets
 * to guarded ports are marked when they pass, and one that arrives here nevertheless is refused.
 */

import { isStacks } from "./deny-answer.ts";
import { allowElements } from "./guard-plan.ts";
import type { GuardPlan } from "./guard-plan.ts";
import type { Chain } from "./mend-answer.ts";
import { SET } from "./sets.ts";

/**
 * On a packet that passes; "salp". Its low four bits are 0: queueing disciplines send the packet
 * on as one without a priority. Forwarding itself overwrites it for IPv4.
 */
const PASSING = "7361:6c70";

/**
 * The rule for packets to other hosts, before each line that spends, renews or denies something.
 * `!= local` would admit broadcast and multicast.
 */
export const PASSING_RULE = 'fib daddr type unicast goto passing comment "not for this host"';

/** The same as a condition: the look-up of a route costs as much as ten others. */
export const FOR_THIS_HOST = "fib daddr type != unicast";

/**
 * The rule of the input hook for packets that passed and are delivered here nevertheless: look-ups
 * of the guard know the table of local addresses, for IPv4 nothing else.
 */
export const ARRIVAL_RULE = `meta priority ${PASSING} goto arrived comment "passed, and is delivered here"`;

/**
 * The chain that marks packets to guarded ports, and the chain that judges those that arrive. `opens`
 * are the rules that let in by grants to which `guard` comes only after it let the packet pass.
 */
export function passingChains(plan: GuardPlan, opens: readonly string[]): Chain[] {
  const allowed = ([4, 6] as const).filter((family) => allowElements(plan, family).length > 0);
  return [
    {
      name: "passing",
      rules: [
        `ct state new,invalid,untracked meta priority set ${PASSING} comment "nobody judged it"`,
        "accept",
      ],
    },
    {
      name: "arrived",
      rules: [
        'ct status dnat accept comment "sent here by a translation"',
        // Its sender repeats it, and then it is judged.
        'fib daddr type local counter drop comment "this host\'s address only since then"',
        ...allowed.map(
          (family) =>
            `${family === 4 ? "ip" : "ip6"} saddr @${SET.allow(family)} accept comment "always_allow"`,
        ),
        ...opens,
        ...(plan.transparentProxies === false
          ? []
          : ['socket transparent 1 accept comment "taken by a transparent proxy"']),
        ...(isStacks(plan.deny, 4, "tcp")
          ? ['meta nfproto ipv4 meta l4proto tcp counter drop comment "a closed port is silent"']
          : []),
        'counter goto closed comment "this host\'s by a route of another table: no grant"',
      ],
    },
  ];
}
