/** One TCP socket of this machine, by its two ends: socket diagnostics (sock_diag(7)). */

import { type Address, addressBytes } from "../../core/address.ts";
import { PROTO_NUMBER } from "../../core/port.ts";
import { messages, NLM_F, NLMSG } from "./message.ts";
import { MessageWriter } from "./message-writer.ts";
import type { NetlinkSocket } from "./socket.ts";

/** linux/sock_diag.h */
const SOCK_DIAG_BY_FAMILY = 20;
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
const INTERFACE_AT = DST_AT + 16;
const COOKIE_AT = INTERFACE_AT + 4;
/** INET_DIAG_NOCOOKIE: any socket with these ends */
const NO_COOKIE = 0xffff_ffff;
/** `struct inet_diag_msg { u8 family, state, timer, retrans; … id; u32 expires, rqueue, wqueue, uid, inode; }` */
const STATE_AT = 1;
const UID_AT = 4 + 48 + 12;
const INODE_AT = UID_AT + 4;

/** The ends of a socket, each with the address that is on the wire. */
export interface SocketEnds {
  readonly local: Address;
  readonly localPort: number;
  readonly peer: Address;
  readonly peerPort: number;
}

/** The `inet_diag_req_v2` of a socket; `index` is the interface it may be bound to, 0 for none. */
export function inetDiagRequest(
  { local, localPort, peer, peerPort }: SocketEnds,
  index = 0,
): Uint8Array {
  const bytes = new Uint8Array(REQUEST_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = AF[peer.family];
  bytes[1] = PROTO_NUMBER.tcp;
  view.setUint32(STATES_AT, ALL_STATES, true);
  view.setUint16(ID_AT, localPort);
  view.setUint16(ID_AT + 2, peerPort);
  bytes.set(addressBytes(local), SRC_AT);
  bytes.set(addressBytes(peer), DST_AT);
  view.setUint32(INTERFACE_AT, index, true);
  view.setUint32(COOKIE_AT, NO_COOKIE, true);
  view.setUint32(COOKIE_AT + 4, NO_COOKIE, true);
  return bytes;
}

/** What the kernel says of a socket; `inode` is 0 for one that no process holds. */
export interface DiagnosedSocket {
  /** include/net/tcp_states.h */
  readonly state: number;
  readonly uid: number;
  readonly inode: number;
}

/**
 * The socket with these ends; undefined where there is none, and where this kernel has no diagnostics of TCP, which it
 * says in the same way. Throws OpError where nothing can be asked.
 */
export function diagnoseSocket(
  socket: NetlinkSocket,
  ends: SocketEnds,
  index = 0,
): DiagnosedSocket | undefined {
  const out = new MessageWriter(128);
  const sequence = socket.nextSequence();
  out.begin(SOCK_DIAG_BY_FAMILY, NLM_F.REQUEST, sequence, inetDiagRequest(ends, index));
  socket.send(out.bytes, out.length);
  const { view } = socket;
  for (let got = socket.receive(); got > 0; got = socket.receive()) {
    for (const { sequence: answered, type, at, end } of messages(view, got)) {
      if (answered !== sequence) continue;
      if (type === NLMSG.ERROR || at + INODE_AT + 4 > end) return undefined;
      return {
        state: view.getUint8(at + STATE_AT),
        uid: view.getUint32(at + UID_AT, true),
        inode: view.getUint32(at + INODE_AT, true),
      };
    }
  }
  return undefined;
}
