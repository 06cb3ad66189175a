/** Ends sessions whose grant is over already, so that no element has to go. */

import type { Address } from "../core/address.ts";
import type { PortRange } from "../core/port.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "../native/netlink/socket.ts";
import { Conntrack } from "./conntrack.ts";
import { endSessions } from "./end-sessions.ts";

/**
 * Ends the sessions between an address, or its /64, and these ports: those of this machine's
 * services and forwarded ones. Returns how many lived. A later packet of theirs belongs to no session
 * and is denied unless a grant lets it in: check that first. Throws OpError.
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
