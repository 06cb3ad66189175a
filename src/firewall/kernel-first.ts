/**
 * Lets the kernel judge a denied packet of IPv4 before the guard answers it: a source that is none, an
 * option that is malformed or forbidden, a way back that is another interface. What it would not give
 * to a closed port gets no answer of ours either.
 */

import type { Chain } from "./mend-answer.ts";

/**
 * On a denied packet from `deny` to the hook at which it is answered; "saly". Nothing else of the
 * kernel reads the priority of a packet on its way in, and no packet arrives with this one.
 */
const DENIED = "7361:6c79";

/**
 * linux/netfilter_ipv4.h: NF_IP_PRI_LAST and NF_IP_PRI_FIRST: between the two hooks only the kernel
 * itself sees the packet, so that nobody can take the mark off what has its protocol back.
 */
const LAST = 2_147_483_647;
const FIRST = -2_147_483_648;

/**
 * linux/ip.h: protocol of struct iphdr. As bits: nft would mend checksums for `ip protocol set`, those of
 * TCP and UDP one way only.
 */
const PROTOCOL = "@nh,72,8";
/** linux/ipv6.h: nexthdr of struct ipv6hdr. */
const NEXT_HEADER = "@nh,48,8";
/** IANA: protocols for experiments stand in for TCP and UDP. Nothing of this host serves them. */
const MASKED = [
  { proto: "tcp", number: 6, mask: 253 },
  { proto: "udp", number: 17, mask: 254 },
] as const;

/**
 * The rules that deny. Until routing, the packet goes as one of a protocol that nobody serves: so no
 * rule of another table sends it to a container or a proxy, and should one lose the mark, it stays
 * denied. Of IPv6 the kernel judges nothing but the
 * destination between here and the input hook.
 */
export function denyRules(): string[] {
  return [
    ...elsewhereRules(),
    'meta nfproto ipv6 goto closed comment "nothing judges it in between"',
    ...MASKED.map(
      ({ proto, mask }) =>
        `meta l4proto ${proto} meta priority set ${DENIED} ${PROTOCOL} set ${mask} accept ` +
        'comment "for nobody, until routing"',
    ),
    "drop",
  ];
}

/**
 * To what is no address of this host, though `gate` cannot tell: the first address of a network, which a
 * host that forwards takes for its own and another does not, or one that it has no way to. Routing
 * decides, and what it makes of it is the answer. To the first address no host answers a segment.
 */
function elsewhereRules(): string[] {
  const elsewhere = "meta nfproto ipv6 fib daddr type != { local, multicast }";
  return [
    'meta nfproto ipv6 fib daddr type anycast meta l4proto tcp drop comment "a closed port is silent"',
    ...MASKED.map(
      ({ proto, mask }) =>
        `${elsewhere} ip6 nexthdr ${proto} meta priority set ${DENIED} ${NEXT_HEADER} set ${mask} accept ` +
        'comment "for nobody, until routing"',
    ),
    `${elsewhere} drop`,
  ];
}

/** The hooks at which denied packets get their protocol back, and their answer. */
export function kernelFirstChains(): Chain[] {
  return [
    {
      name: "unmask",
      base: `type filter hook prerouting priority ${LAST}; policy accept;`,
      rules: [
        `meta priority != ${DENIED} accept comment "not denied"`,
        ...MASKED.map(({ number, mask }) => `ip protocol ${mask} ${PROTOCOL} set ${number}`),
        ...MASKED.map(({ number, mask }) => `ip6 nexthdr ${mask} ${NEXT_HEADER} set ${number}`),
        // Sent on by a rule that asks for no port: past the input hook.
        'ct status dnat goto closed comment "sent on: refused here"',
      ],
    },
    {
      name: "refuse",
      base: `type filter hook input priority ${FIRST}; policy accept;`,
      rules: [`meta priority ${DENIED} goto closed comment "denied, and judged by the kernel"`],
    },
  ];
}
