/** Ends living TCP sessions at their sockets, so that no part of them can come back. */

import { type Address, addressBytes, maskAddress, sameAddress } from "../core/address.ts";
import type { PortRange } from "../core/port.ts";
import { PROTO_NUMBER } from "../core/port.ts";
import { Errno } from "../native/errno.ts";
import { NLM_F } from "../native/netlink/message.ts";
import { MessageWriter } from "../native/netlink/message-writer.ts";
import { request } from "../native/netlink/request.ts";
import { NETLINK_SOCK_DIAG, NetlinkSocket } from "../native/netlink/socket.ts";
import type { Spared } from "./conntrack.ts";
import { livingSessions, type Session } from "./sessions.ts";

/** linux/sock_diag.h */
const SOCK_DESTROY = 21;
/** sys/socket.h */
const AF = { 4: 2, 6: 10 } as const;
/** linux/inet_diag.h: `struct inet_diag_req_v2 { u8 family, protocol, ext, pad; u32 states; … id; }` */
const REQUEST_BYTES = 56;
const STATES_AT = 4;
const ALL_STATES = 0xffff_ffff;
/** `struct inet_diag_sockid { __be16 sport, dport; __be32 src[4], dst[4]; __u32 if, cookie[2]; }` */
const ID_AT = 8;
const SRC_AT = ID_AT + 4;
const DST_AT = SRC_AT + 16;
const COOKIE_AT = DST_AT + 16 + 4;
/** INET_DIAG_NOCOOKIE: any socket with these ends */
const NO_COOKIE = 0xffff_ffff;

/** The `inet_diag_req_v2` that identifies the session. */
function requestOf({ peer, local, peerPort, localPort }: Session): Uint8Array {
  const bytes = new Uint8Array(REQUEST_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = AF[peer.family];
  bytes[1] = PROTO_NUMBER.tcp;
  view.setUint32(STATES_AT, ALL_STATES, true);
  view.setUint16(ID_AT, localPort);
  view.setUint16(ID_AT + 2, peerPort);
  bytes.set(addressBytes(local), SRC_AT);
  bytes.set(addressBytes(peer), DST_AT);
  view.setUint32(COOKIE_AT, NO_COOKIE, true);
  view.setUint32(COOKIE_AT + 4, NO_COOKIE, true);
  return bytes;
}

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
    out.begin(SOCK_DESTROY, NLM_F.REQUEST | NLM_F.ACK, sequence, requestOf(session));
    const { code } = request(socket, out.bytes, out.length, sequence);
    if (code === 0) ended++;
    if (code === Errno.EOPNOTSUPP) return ended;
  }
  return ended;
}
