/**
 * Packets to other hosts pass unguarded. `gate` looks once whose the destination is, and routing
 * looks again: an address that becomes this host's in between (at boot, with a new lease) would let
 * in a packet that nobody judged. So first packets to guarded ports are marked when they pass, and
 * one that arrives here nevertheless is dropped. Its sender repeats it, and then it is judged.
 */

import type { Chain } from "./mend-answer.ts";

/**
 * On a packet that passes; "salp". Its low four bits are 0: queueing disciplines send the packet
 * on as one without a priority. Forwarding itself overwrites it for IPv4.
 */
const PASSING = "7361:6c70";

/** The rule of `gate` for packets to other hosts; `!= local` would admit broadcast and multicast. */
export const PASSING_RULE = 'fib daddr type unicast goto passing comment "not for this host"';

/** The chain that marks packets to the ports of these lists, and the chain that drops. */
export function passingChains(lists: readonly string[]): Chain[] {
  const marks = lists.map(
    (list) =>
      `ct state new,invalid,untracked meta l4proto . th dport @${list} meta priority set ${PASSING} ` +
      'comment "nobody judged it"',
  );
  return [
    { name: "passing", rules: [...marks, "accept"] },
    {
      name: "arrived",
      rules: ['ct status dnat accept comment "sent here by a translation"', "counter drop"],
    },
  ];
}

/**
 * The rule of the input hook for packets that passed. A transparent proxy takes packets to
 * addresses that are not this host's: these go on.
 */
export const ARRIVAL_RULE =
  `meta priority ${PASSING} fib daddr type local goto arrived ` +
  'comment "this host\'s address only since then"';
