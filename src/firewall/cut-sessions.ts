/** Ends sessions whose grant is over already, so that there is no element to take away. */

import type { Address } from "../core/address.ts";
import type { PortRange } from "../core/port.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "../native/netlink/socket.ts";
import { Conntrack } from "./conntrack.ts";
import { endSessions } from "./end-sessions.ts";

/**
 * Ends what lives between an address, or its /64, and these ports, of this machine's services and of
 * forwarded ones; returns how many flows the kernel knew. A packet that still comes is nothing's and is
 * denied, where no grant lets it in: ask that first. Throws OpError.
 */
export function cutSessions(
  address: Address,
  prefix6: 64 | 128,
  ports: readonly PortRange[],
): number {
  using socket = new NetlinkSocket(NETLINK_NETFILTER);
  const flows = new Conntrack(socket).deleteConnections(address, prefix6, ports);
  return Math.max(flows, endSessions(address, prefix6, ports));
}
