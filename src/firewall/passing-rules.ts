/**
 * Packets to other hosts pass unguarded. The guard looks once whose the destination is, and routing
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

/**
 * The rule for packets to other hosts, before each line that spends, renews or denies something.
 * `!= local` would admit broadcast and multicast.
 */
export const PASSING_RULE = 'fib daddr type unicast goto passing comment "not for this host"';

/** The same as a condition: the look-up of a route costs as much as ten others. */
export const FOR_THIS_HOST = "fib daddr type != unicast";

/** The chain that marks packets to guarded ports, and the chain that drops. */
export const PASSING_CHAINS: readonly Chain[] = [
  {
    name: "passing",
    rules: [
      `ct state new,invalid,untracked meta priority set ${PASSING} comment "nobody judged it"`,
      "accept",
    ],
  },
  {
    name: "arrived",
    rules: ['ct status dnat accept comment "sent here by a translation"', "counter drop"],
  },
];

/**
 * The rule of the input hook for packets that passed. A transparent proxy takes packets to
 * addresses that are not this host's: these go on.
 */
export const ARRIVAL_RULE =
  `meta priority ${PASSING} fib daddr type local goto arrived ` +
  'comment "this host\'s address only since then"';
