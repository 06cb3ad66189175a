/** Living TCP sessions on guarded ports: read from /proc, entered into the tracking table. */

import { type Address, unmapped } from "../core/address.ts";
import { includesTcp, type PortRange } from "../core/port.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "../native/netlink/socket.ts";
import { readSockets, SOCKET_STATE } from "../native/socket-table.ts";
import { Conntrack } from "./conntrack.ts";

/** A TCP connection between this machine and a peer. */
export interface Session {
  readonly local: Address;
  readonly localPort: number;
  readonly peer: Address;
  readonly peerPort: number;
}

/** Either side may still send. */
const LIVING = [
  SOCKET_STATE.ESTABLISHED,
  SOCKET_STATE.FIN_WAIT1,
  SOCKET_STATE.FIN_WAIT2,
  SOCKET_STATE.CLOSE_WAIT,
];

function readSessions(file: "tcp" | "tcp6"): Session[] {
  return readSockets(file, LIVING).map(({ local, peer }) => ({
    local: unmapped(local.address),
    localPort: local.port,
    peer: unmapped(peer.address),
    peerPort: peer.port,
  }));
}

/** The sessions with services of this machine on guarded TCP ports. */
export function livingSessions(guarded: readonly PortRange[]): Session[] {
  return [...readSessions("tcp"), ...readSessions("tcp6")].filter(({ localPort }) =>
    includesTcp(guarded, localPort),
  );
}

/**
 * Enters the living sessions on guarded TCP ports into the tracking table. Returns how many it did
 * not know. Call it before the guard is loaded: without tracking, the next packet of an old session
 * would count as new and be denied. Throws OpError when the kernel refuses.
 */
export function adoptSessions(guarded: readonly PortRange[]): number {
  using socket = new NetlinkSocket(NETLINK_NETFILTER);
  const conntrack = new Conntrack(socket);
  return livingSessions(guarded).filter((session) => conntrack.insertSession(session)).length;
}
