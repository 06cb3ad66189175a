/** The BPF expression that lets only knocks through the kernel, so that other traffic costs nothing. */

import { LinkType } from "../core/link-type.ts";
import type { PortRange, Proto } from "../core/port.ts";

/** SYN set; ACK, FIN and RST clear. `tcp[…]` never matches IPv6, hence the two forms. */
const SYN4 = "tcp[tcpflags] & (tcp-syn|tcp-ack|tcp-fin|tcp-rst) = tcp-syn";
const SYN6 = "ip6[6] = 6 and ip6[53] & 0x17 = 2";

/** Destination port behind a bare IPv6 header, of TCP and UDP alike. */
const PORT6 = "ip6[42:2]";

/**
 * Hop-by-hop, routing, fragment, authentication and destination headers: BPF cannot walk them, so
 * they pass and `decode` does. Not with ICMPv6 right behind them: the multicast reports of every
 * neighbour look like that.
 */
const EXTENSIONS6 =
  "ip6 and (ip6[6] = 0 or ip6[6] = 43 or ip6[6] = 44 or ip6[6] = 51 or ip6[6] = 60) and ip6[40] != 58";

/** Passes nothing: the filter of a server without doors. */
const NOTHING = "less 0";

interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * An expression for `pcap_compile`. It passes every frame that `decodeFrame` takes for a knock on
 * one of the `wanted` ports, and next to nothing else. IPv6 packets with extension headers pass
 * whatever their port. On Ethernet, frames with one or two VLAN tags pass like those without.
 */
export function knockFilter(wanted: readonly PortRange[], linkType: LinkType): string {
  const tcp = merged(wanted, "tcp");
  const udp = merged(wanted, "udp");
  if (tcp.length === 0 && udp.length === 0) return NOTHING;

  const branches: string[] = [];
  if (linkType !== LinkType.ipv6) {
    if (tcp.length > 0) branches.push(`(${SYN4} and ${either(tcp, (s) => ports("tcp", s))})`);
    if (udp.length > 0) branches.push(`(ip and ${either(udp, (s) => ports("udp", s))})`);
  }
  if (linkType !== LinkType.ipv4) {
    if (tcp.length > 0) branches.push(`(ip6 and ${SYN6} and ${either(tcp, within6)})`);
    if (udp.length > 0) branches.push(`(ip6 and ip6[6] = 17 and ${either(udp, within6)})`);
    branches.push(`(${EXTENSIONS6})`);
  }
  const plain = branches.join(" or ");
  // `vlan` shifts every offset after it. A single tag that the kernel has taken off passes the
  // plain part. A tag that it left in the frame, such as the second of two, needs the shifted
  // parts.
  return linkType === LinkType.ethernet
    ? `${plain} or (vlan and (${plain} or (vlan and (${plain}))))`
    : plain;
}

/** The ranges of one protocol in ascending order; overlapping and adjoining ones are merged. */
function merged(ranges: readonly PortRange[], proto: Proto): Span[] {
  const spans: { from: number; to: number }[] = [];
  const sorted = ranges
    .filter((range) => range.proto === proto)
    .toSorted((a, b) => a.from - b.from);
  for (const { from, to } of sorted) {
    const last = spans.at(-1);
    if (last !== undefined && from <= last.to + 1) last.to = Math.max(last.to, to);
    else spans.push({ from, to });
  }
  return spans;
}

function either(spans: readonly Span[], test: (span: Span) => string): string {
  return spans.length === 1 ? test(spans[0]!) : `(${spans.map(test).join(" or ")})`;
}

function ports(proto: Proto, { from, to }: Span): string {
  return from === to ? `${proto} dst port ${from}` : `${proto} dst portrange ${from}-${to}`;
}

function within6({ from, to }: Span): string {
  return from === to ? `${PORT6} = ${from}` : `(${PORT6} >= ${from} and ${PORT6} <= ${to})`;
}
