/** Ends living TCP sessions at their sockets, so that nothing of them is left to come back. */

import { type Address, addressBytes, maskAddress, sameAddress } from "../core/address.ts";
import type { PortRange } from "../core/port.ts";
import { PROTO_NUMBER } from "../core/port.ts";
import { Errno } from "../native/errno.ts";
import { NetlinkSocket } from "../native/netlink/socket.ts";
import { addressOf } from "../native/memory.ts";
import { errorCode, messages, NLM_F, NLMSG, NLMSG_HDRLEN } from "../native/netlink/message.ts";
import { livingSessions, type Session } from "./sessions.ts";

/** linux/netlink.h */
const NETLINK_SOCK_DIAG = 4;
/** linux/sock_diag.h */
const SOCK_DESTROY = 21;
/** sys/socket.h */
const AF = { 4: 2, 6: 10 } as const;
/** linux/inet_diag.h: sizeof(struct inet_diag_req_v2), and where its `id` begins */
const REQUEST_BYTES = 56;
const ID_AT = NLMSG_HDRLEN + 8;
/** `struct inet_diag_sockid { __be16 sport, dport; __be32 src[4], dst[4]; __u32 if, cookie[2]; }` */
const SRC_AT = ID_AT + 4;
const DST_AT = SRC_AT + 16;
const COOKIE_AT = DST_AT + 16 + 4;
const ALL_STATES = 0xffff_ffff;

function writeRequest(view: DataView, session: Session, sequence: number): void {
  const bytes = new Uint8Array(view.buffer);
  bytes.fill(0);
  view.setUint32(0, NLMSG_HDRLEN + REQUEST_BYTES, true);
  view.setUint16(4, SOCK_DESTROY, true);
  view.setUint16(6, NLM_F.REQUEST | NLM_F.ACK, true);
  view.setUint32(8, sequence, true);
  bytes[NLMSG_HDRLEN] = AF[session.peer.family];
  bytes[NLMSG_HDRLEN + 1] = PROTO_NUMBER.tcp;
  view.setUint32(NLMSG_HDRLEN + 4, ALL_STATES, true);
  view.setUint16(ID_AT, session.localPort);
  view.setUint16(ID_AT + 2, session.peerPort);
  bytes.set(addressBytes(session.local), SRC_AT);
  bytes.set(addressBytes(session.peer), DST_AT);
  // INET_DIAG_NOCOOKIE: whatever socket has these ends
  view.setUint32(COOKIE_AT, 0xffff_ffff, true);
  view.setUint32(COOKIE_AT + 4, 0xffff_ffff, true);
}

/**
 * Ends the sessions of this machine's own services on these ports with the address, or its /64; both
 * sides get a reset. Answers how many. Kernels without CONFIG_INET_DIAG_DESTROY end none: there the
 * guard alone keeps them from being heard.
 */
export function endSessions(
  address: Address,
  prefix6: 64 | 128,
  ports: readonly PortRange[],
): number {
  const bits = address.family === 4 ? 32 : prefix6;
  const meant = livingSessions(ports).filter(({ peer }) =>
    sameAddress(maskAddress(peer, bits), maskAddress(address, bits)),
  );
  if (meant.length === 0) return 0;
  using socket = new NetlinkSocket(NETLINK_SOCK_DIAG);
  const out = new Uint8Array(NLMSG_HDRLEN + REQUEST_BYTES);
  const outAt = addressOf(out);
  const outView = new DataView(out.buffer);
  const answer = new Uint8Array(4_096);
  const answerAt = addressOf(answer);
  const answerView = new DataView(answer.buffer);
  let ended = 0;
  for (const [sequence, session] of meant.entries()) {
    writeRequest(outView, session, sequence + 1);
    socket.send(outAt, out.length);
    const length = socket.receive(answerAt, answer.length);
    for (const message of messages(answerView, Math.max(0, length))) {
      if (message.type !== NLMSG.ERROR) continue;
      const code = errorCode(answerView, message);
      if (code === 0) ended++;
      if (code === Errno.EOPNOTSUPP) return ended;
    }
  }
  return ended;
}
