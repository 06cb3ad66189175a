/**
 * Lets the kernel judge a denied IPv4 packet before the guard answers it: it may have an impossible
 * source, a malformed or forbidden option, or a way back through another interface. A packet that
 * gets no answer from a closed port gets none from the guard either.
 */

import type { Chain } from "./mend-answer.ts";
import { ARRIVAL_RULE } from "./passing-rules.ts";

/**
 * On a denied packet from `deny` to the hook that answers it; "saly". No other part of the kernel
 * reads the priority of an incoming packet, and no packet arrives with this one.
 */
const DENIED = "7361:6c79";

/**
 * linux/netfilter_ipv4.h: NF_IP_PRI_LAST and NF_IP_PRI_FIRST. Only the kernel itself sees the
 * packet between the two hooks, so nobody can take the mark off a packet whose protocol is
 * restored.
 */
const LAST = 2_147_483_647;
const FIRST = -2_147_483_648;

/**
 * linux/ip.h: protocol of struct iphdr. As bits: for `ip protocol set`, nft would also mend the
 * checksums of TCP and UDP, but only one way.
 */
const PROTOCOL = "@nh,72,8";
/** linux/ipv6.h: nexthdr of struct ipv6hdr. */
const NEXT_HEADER = "@nh,48,8";
/**
 * IANA: protocols for experiments stand in for TCP and UDP. No program on this host serves them.
 */
const MASKED = [
  { proto: "tcp", number: 6, mask: 253 },
  { proto: "udp", number: 17, mask: 254 },
] as const;

/**
 * The chains that deny. Until routing, the packet carries a protocol that nobody serves: so no rule
 * of another table sends it to a container or a proxy, and if a rule takes the mark off, the packet
 * stays denied. For IPv6, the kernel judges only the destination between this hook and the input
 * hook.
 */
export function denyChains(): Chain[] {
  return [
    {
      name: "deny",
      rules: [
        "meta nfproto ipv6 goto deny6",
        ...MASKED.map(
          ({ proto, mask }) =>
            `meta l4proto ${proto} meta priority set ${DENIED} ${PROTOCOL} set ${mask} accept ` +
            'comment "for nobody, until routing"',
        ),
        "drop",
      ],
    },
    {
      name: "deny6",
      rules: [...elsewhereRules(), 'goto closed comment "nothing judges it in between"'],
    },
  ];
}

/**
 * Rules for packets to an address that does not belong to this host, though `guard` cannot tell: the
 * first address of a network, which a host takes for its own only if it forwards, or an address
 * without a route. Routing decides, and its verdict is the answer. No host answers a segment to the
 * first address.
 */
function elsewhereRules(): string[] {
  const elsewhere = "fib daddr type != { local, multicast }";
  return [
    'fib daddr type anycast meta l4proto tcp drop comment "a closed port is silent"',
    ...MASKED.map(
      ({ proto, mask }) =>
        `${elsewhere} ip6 nexthdr ${proto} meta priority set ${DENIED} ${NEXT_HEADER} set ${mask} accept ` +
        'comment "for nobody, until routing"',
    ),
    `${elsewhere} drop`,
  ];
}

/** The hooks at which denied packets get their protocol back and receive their answer. */
export function kernelFirstChains(): Chain[] {
  return [
    {
      name: "unmask",
      base: `type filter hook prerouting priority ${LAST}; policy accept;`,
      rules: [
        `meta priority != ${DENIED} accept comment "not denied"`,
        ...MASKED.map(({ number, mask }) => `ip protocol ${mask} ${PROTOCOL} set ${number}`),
        ...MASKED.map(({ number, mask }) => `ip6 nexthdr ${mask} ${NEXT_HEADER} set ${number}`),
        // Forwarded by a rule that ignores the port: past the input hook.
        'ct status dnat goto closed comment "sent on: refused here"',
      ],
    },
    {
      name: "refuse",
      base: `type filter hook input priority ${FIRST}; policy accept;`,
      rules: [
        `meta priority ${DENIED} goto closed comment "denied, and judged by the kernel"`,
        ARRIVAL_RULE,
      ],
    },
  ];
}
