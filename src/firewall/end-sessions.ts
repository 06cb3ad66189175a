/** Ends living TCP sessions at their sockets, so that no part of them can come back. */

import { type Address, maskAddress, sameAddress } from "../core/address.ts";
import type { PortRange } from "../core/port.ts";
import { Errno } from "../native/errno.ts";
import { inetDiagRequest } from "../native/netlink/inet-diag.ts";
import { NLM_F } from "../native/netlink/message.ts";
import { MessageWriter } from "../native/netlink/message-writer.ts";
import { request } from "../native/netlink/request.ts";
import { NETLINK_SOCK_DIAG, NetlinkSocket } from "../native/netlink/socket.ts";
import type { Spared } from "./conntrack.ts";
import { livingSessions } from "./sessions.ts";

/** linux/sock_diag.h */
const SOCK_DESTROY = 21;

/**
 * Ends the sessions of this machine's own services on these ports with the address, or its /64,
 * except those that are `spared`; both sides get a reset. Returns how many it ended. Kernels
 * without CONFIG_INET_DIAG_DESTROY end none: there the guard alone silences them.
 */
export function endSessions(
  address: Address,
  prefix6: 64 | 128,
  ports: readonly PortRange[],
  spared: Spared = () => false,
): number {
  const bits = address.family === 4 ? 32 : prefix6;
  const meant = livingSessions(ports).filter(
    ({ peer, localPort }) =>
      sameAddress(maskAddress(peer, bits), maskAddress(address, bits)) &&
      !spared(peer, { proto: "tcp", port: localPort }),
  );
  if (meant.length === 0) return 0;
  using socket = new NetlinkSocket(NETLINK_SOCK_DIAG);
  const out = new MessageWriter(128);
  let ended = 0;
  for (const session of meant) {
    const sequence = socket.nextSequence();
    out.begin(SOCK_DESTROY, NLM_F.REQUEST | NLM_F.ACK, sequence, inetDiagRequest(session));
    const { code } = request(socket, out.bytes, out.length, sequence);
    if (code === 0) ended++;
    if (code === Errno.EOPNOTSUPP) return ended;
  }
  return ended;
}
