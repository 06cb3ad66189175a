/** The kernel's connection tracking table: enters living sessions into it, and takes connections out. */

import type { Address, Family } from "../core/address.ts";
import { addressBytes, addressFromBytes, maskAddress, sameAddress } from "../core/address.ts";
import { OpError } from "../core/errors.ts";
import { PROTO_NUMBER } from "../core/port.ts";
import type { PortRange } from "../core/port.ts";
import { Errno, errnoName } from "../native/errno.ts";
import type { NetlinkSocket } from "../native/netlink/socket.ts";
import { addressOf } from "../native/memory.ts";
import { MessageWriter } from "../native/netlink/message-writer.ts";
import { attributeLength, errorCode, errorText, findAttribute } from "../native/netlink/message.ts";
import { messages, NFGENMSG_LEN, NLA_HDRLEN, NLM_F, NLMSG } from "../native/netlink/message.ts";
import type { Message } from "../native/netlink/message.ts";
import type { Session } from "./sessions.ts";

/** linux/netfilter/nfnetlink.h: NFNL_SUBSYS_CTNETLINK; a message's type is subsystem and command. */
const NFNL_SUBSYS_CTNETLINK = 1;
/** linux/netfilter/nfnetlink_conntrack.h: enum cntl_msg_types */
const IPCTNL_MSG_CT_NEW = (NFNL_SUBSYS_CTNETLINK << 8) | 0;
const IPCTNL_MSG_CT_GET = (NFNL_SUBSYS_CTNETLINK << 8) | 1;
const IPCTNL_MSG_CT_DELETE = (NFNL_SUBSYS_CTNETLINK << 8) | 2;
/** linux/netfilter/nfnetlink_conntrack.h: enum ctattr_type */
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_STATUS = 3;
const CTA_PROTOINFO = 4;
const CTA_TIMEOUT = 7;
const CTA_ID = 12;
const CTA_ZONE = 18;
/** enum ctattr_tuple, ctattr_ip, ctattr_l4proto */
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_IP_SRC = { 4: 1, 6: 3 } as const;
const CTA_IP_DST = { 4: 2, 6: 4 } as const;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
/** enum ctattr_protoinfo, ctattr_protoinfo_tcp */
const CTA_PROTOINFO_TCP = 1;
const CTA_PROTOINFO_TCP_STATE = 1;
const CTA_PROTOINFO_TCP_FLAGS_ORIGINAL = 4;
const CTA_PROTOINFO_TCP_FLAGS_REPLY = 5;
/** linux/netfilter/nf_conntrack_tcp.h: TCP_CONNTRACK_ESTABLISHED, IP_CT_TCP_FLAG_BE_LIBERAL */
const TCP_CONNTRACK_ESTABLISHED = 3;
const BE_LIBERAL = 0x08;
/** linux/netfilter/nf_conntrack_common.h: IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED; less is EBUSY. */
const IPS_LIVING = 0x2 | 0x4 | 0x8;
/** sys/socket.h */
const AF = { 0: 0, 4: 2, 6: 10 } as const;

/** The kernel's own default for established TCP (nf_conntrack_tcp_timeout_established): five days. */
const ESTABLISHED_SECONDS = 432_000;
/** The kernel fills dumps with datagrams of at most 32 KiB. */
const DATAGRAM_SIZE = 65_536;

/** One end-to-end flow as the table keeps it, in its original direction. */
interface Flow {
  readonly source: Address;
  readonly target: Address;
  readonly proto: number;
  readonly sourcePort: number;
  readonly targetPort: number;
}

/** Speaks ctnetlink over a netfilter socket that it does not own. */
export class Conntrack {
  readonly #socket: NetlinkSocket;
  readonly #out = new MessageWriter();
  readonly #in = new Uint8Array(DATAGRAM_SIZE);
  readonly #view = new DataView(this.#in.buffer);
  #sequence = 0;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /**
   * Enters an established TCP session that began before anything was tracked, so that the guard's
   * `ct state established` knows it. Answers false when the table knows it already.
   */
  insertSession({ peer, local, peerPort, localPort }: Session): boolean {
    const out = this.#out;
    const flags = NLM_F.REQUEST | NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL;
    out.begin(IPCTNL_MSG_CT_NEW, flags, ++this.#sequence, AF[peer.family]);
    this.#tuple(CTA_TUPLE_ORIG, peer, local, peerPort, localPort);
    this.#tuple(CTA_TUPLE_REPLY, local, peer, localPort, peerPort);
    out.u32(CTA_STATUS, IPS_LIVING);
    out.u32(CTA_TIMEOUT, ESTABLISHED_SECONDS);
    out.nest(CTA_PROTOINFO, () => {
      out.nest(CTA_PROTOINFO_TCP, () => {
        out.u8(CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
        // Nobody saw the handshake, so sequence numbers cannot be held against a window.
        const liberal = Uint8Array.of(BE_LIBERAL, BE_LIBERAL); // struct nf_ct_tcp_flags: flags, mask
        out.attribute(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, liberal);
        out.attribute(CTA_PROTOINFO_TCP_FLAGS_REPLY, liberal);
      });
    });
    return this.#request("enter a session in", Errno.EEXIST);
  }

  /** Ends every flow between the address (its /64) and these ports of ours; answers how many. */
  deleteConnections(address: Address, prefix6: 64 | 128, ports: readonly PortRange[]): number {
    const bits = address.family === 6 ? prefix6 : 128;
    const network = maskAddress(address, bits);
    const isTheirs = (other: Address) =>
      other.family === address.family && sameAddress(maskAddress(other, bits), network);
    const isOurs = (proto: number, port: number) =>
      ports.some((range) => {
        return PROTO_NUMBER[range.proto] === proto && range.from <= port && port <= range.to;
      });
    const doomed = this.#handles(address.family, (flow) => {
      return (
        (isTheirs(flow.source) && isOurs(flow.proto, flow.targetPort)) ||
        // A flow that we began, from the guarded port: a peer-to-peer service such as WireGuard.
        (isTheirs(flow.target) && isOurs(flow.proto, flow.sourcePort))
      );
    });
    let ended = 0;
    for (const attributes of doomed) {
      this.#out.begin(
        IPCTNL_MSG_CT_DELETE,
        NLM_F.REQUEST | NLM_F.ACK,
        ++this.#sequence,
        AF[address.family],
      );
      for (const { type, value } of attributes) this.#out.attribute(type, value);
      if (this.#request("end a connection in", Errno.ENOENT)) ended += 1;
    }
    return ended;
  }

  /** What names each flow that `wanted` picks: its tuple, identity and zone, as the kernel wrote them. */
  #handles(family: Family, wanted: (flow: Flow) => boolean) {
    this.#out.begin(IPCTNL_MSG_CT_GET, NLM_F.REQUEST | NLM_F.DUMP, ++this.#sequence, AF[family]);
    this.#send();
    const found: { type: number; value: Uint8Array }[][] = [];
    for (;;) {
      const got = this.#receive();
      for (const message of messages(this.#view, got)) {
        if (message.sequence !== this.#sequence) continue;
        if (message.type === NLMSG.DONE) return found;
        if (message.type === NLMSG.ERROR) throw this.#failure("list", message);
        const flow = this.#readFlow(message, family);
        if (flow !== undefined && wanted(flow)) found.push(this.#identity(message));
      }
      if (got <= 0) return found;
    }
  }

  #identity(message: Message) {
    const from = message.at + NFGENMSG_LEN;
    return [CTA_TUPLE_ORIG, CTA_ID, CTA_ZONE].flatMap((type) => {
      const at = findAttribute(this.#view, from, message.end, type);
      if (at < 0) return [];
      const end = at + attributeLength(this.#view, at);
      const nested = type === CTA_TUPLE_ORIG ? 0x8000 : 0;
      return [{ type: type | nested, value: this.#in.slice(at + NLA_HDRLEN, end) }];
    });
  }

  #readFlow(message: Message, family: Family): Flow | undefined {
    const view = this.#view;
    const tuple = this.#within(message.at + NFGENMSG_LEN, message.end, CTA_TUPLE_ORIG);
    const ip = tuple && this.#within(tuple.at, tuple.end, CTA_TUPLE_IP);
    const proto = tuple && this.#within(tuple.at, tuple.end, CTA_TUPLE_PROTO);
    if (ip === undefined || proto === undefined) return undefined;
    const source = this.#within(ip.at, ip.end, CTA_IP_SRC[family]);
    const target = this.#within(ip.at, ip.end, CTA_IP_DST[family]);
    const number = this.#within(proto.at, proto.end, CTA_PROTO_NUM);
    const from = this.#within(proto.at, proto.end, CTA_PROTO_SRC_PORT);
    const to = this.#within(proto.at, proto.end, CTA_PROTO_DST_PORT);
    if (!source || !target || !number || !from || !to) return undefined; // ICMP has no ports
    return {
      source: addressFromBytes(this.#in.subarray(source.at, source.end)),
      target: addressFromBytes(this.#in.subarray(target.at, target.end)),
      proto: view.getUint8(number.at),
      sourcePort: view.getUint16(from.at),
      targetPort: view.getUint16(to.at),
    };
  }

  /** Where the value of an attribute lies. */
  #within(at: number, end: number, type: number): { at: number; end: number } | undefined {
    const found = findAttribute(this.#view, at, end, type);
    if (found < 0) return undefined;
    return { at: found + NLA_HDRLEN, end: found + attributeLength(this.#view, found) };
  }

  #tuple(type: number, source: Address, target: Address, sourcePort: number, targetPort: number) {
    const out = this.#out;
    out.nest(type, () => {
      out.nest(CTA_TUPLE_IP, () => {
        out.attribute(CTA_IP_SRC[source.family], addressBytes(source));
        out.attribute(CTA_IP_DST[target.family], addressBytes(target));
      });
      out.nest(CTA_TUPLE_PROTO, () => {
        out.u8(CTA_PROTO_NUM, PROTO_NUMBER.tcp);
        out.u16(CTA_PROTO_SRC_PORT, sourcePort);
        out.u16(CTA_PROTO_DST_PORT, targetPort);
      });
    });
  }

  /** Sends the message and reads its answer; false when it failed with `expected`. */
  #request(operation: string, expected: number): boolean {
    this.#send();
    for (;;) {
      const got = this.#receive();
      for (const message of messages(this.#view, got)) {
        if (message.sequence !== this.#sequence || message.type !== NLMSG.ERROR) continue;
        const code = errorCode(this.#view, message);
        if (code === 0) return true;
        if (code === expected) return false;
        throw this.#failure(operation, message);
      }
      if (got <= 0) return false;
    }
  }

  #failure(operation: string, message: Message): OpError {
    const code = errorCode(this.#view, message);
    return new OpError({
      operation,
      object: "the connection tracking table",
      detail: errorText(this.#view, message) ?? errnoName(code),
      code,
      remedy: "check that the kernel has CONFIG_NF_CT_NETLINK and that we have CAP_NET_ADMIN",
    });
  }

  #send(): void {
    this.#socket.send(addressOf(this.#out.bytes), this.#out.length);
  }

  #receive(): number {
    return this.#socket.receive(addressOf(this.#in), DATAGRAM_SIZE);
  }
}
