/** The kernel's connection tracking table: enters living sessions into it, and takes connections out. */

import type { Address, Family } from "../core/address.ts";
import { addressBytes, addressFromBytes, maskAddress, sameAddress } from "../core/address.ts";
import { OpError } from "../core/errors.ts";
import { PROTO_NUMBER } from "../core/port.ts";
import type { Port, PortRange } from "../core/port.ts";
import { Errno, errnoName } from "../native/errno.ts";
import { behind, bytesOf, NLA_F_NESTED, type Span, within } from "../native/netlink/attributes.ts";
import { dump } from "../native/netlink/dump.ts";
import { NFGENMSG_LEN, NLM_F } from "../native/netlink/message.ts";
import { MessageWriter, nfgenmsg } from "../native/netlink/message-writer.ts";
import { type Acknowledgement, request } from "../native/netlink/request.ts";
import type { NetlinkSocket } from "../native/netlink/socket.ts";
import type { Session } from "./sessions.ts";

/**
 * linux/netfilter/nfnetlink.h: NFNL_SUBSYS_CTNETLINK; the type of a message is subsystem and
 * command.
 */
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

/** Whether a flow between an address and a port of ours belongs to somebody else. */
export type Spared = (peer: Address, port: Port) => boolean;

/** One end-to-end flow as the table holds it, in its original direction. */
interface Flow {
  readonly source: Address;
  readonly target: Address;
  readonly proto: number;
  readonly sourcePort: number;
  readonly targetPort: number;
}

/** Speaks ctnetlink over a netfilter socket that belongs to the caller. */
export class Conntrack {
  readonly #socket: NetlinkSocket;
  readonly #out = new MessageWriter();

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /**
   * Enters an established TCP session that began before tracking, so that the guard's
   * `ct state established` knows it. Returns false when the table knows it already.
   */
  insertSession({ peer, local, peerPort, localPort }: Session): boolean {
    const out = this.#out;
    const flags = NLM_F.REQUEST | NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL;
    const sequence = this.#begin(IPCTNL_MSG_CT_NEW, flags, peer.family);
    this.#tuple(CTA_TUPLE_ORIG, peer, local, peerPort, localPort);
    this.#tuple(CTA_TUPLE_REPLY, local, peer, localPort, peerPort);
    out.u32(CTA_STATUS, IPS_LIVING);
    out.u32(CTA_TIMEOUT, ESTABLISHED_SECONDS);
    out.nest(CTA_PROTOINFO, () => {
      out.nest(CTA_PROTOINFO_TCP, () => {
        out.u8(CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
        // The handshake was never seen, so sequence numbers cannot be checked against a window.
        const liberal = Uint8Array.of(BE_LIBERAL, BE_LIBERAL); // struct nf_ct_tcp_flags: flags, mask
        out.attribute(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, liberal);
        out.attribute(CTA_PROTOINFO_TCP_FLAGS_REPLY, liberal);
      });
    });
    return this.#request("enter a session in", sequence, Errno.EEXIST);
  }

  /**
   * Ends every flow between the address (its /64) and these ports of ours, except those that are
   * `spared`. Returns how many it ended.
   */
  deleteConnections(
    address: Address,
    prefix6: 64 | 128,
    ports: readonly PortRange[],
    spared: Spared = () => false,
  ): number {
    const bits = address.family === 6 ? prefix6 : 128;
    const network = maskAddress(address, bits);
    const isTheirs = (other: Address) =>
      other.family === address.family && sameAddress(maskAddress(other, bits), network);
    const isDoomed = (peer: Address, number: number, port: number) =>
      isTheirs(peer) &&
      ports.some(({ proto, from, to }) => {
        if (PROTO_NUMBER[proto] !== number || port < from || to < port) return false;
        return !spared(peer, { proto, port });
      });
    const doomed = this.#handles(address.family, (flow) => {
      return (
        isDoomed(flow.source, flow.proto, flow.targetPort) ||
        // A flow that this machine began from the guarded port: a peer-to-peer service such as
        // WireGuard.
        isDoomed(flow.target, flow.proto, flow.sourcePort)
      );
    });
    let ended = 0;
    for (const attributes of doomed) {
      const flags = NLM_F.REQUEST | NLM_F.ACK;
      const sequence = this.#begin(IPCTNL_MSG_CT_DELETE, flags, address.family);
      for (const { type, value } of attributes) this.#out.attribute(type, value);
      if (this.#request("end a connection in", sequence, Errno.ENOENT)) ended += 1;
    }
    return ended;
  }

  /**
   * The attributes that identify each flow that `wanted` picks: its tuple, identity and zone, as
   * the kernel wrote them.
   */
  #handles(family: Family, wanted: (flow: Flow) => boolean): Handle[][] {
    const flags = NLM_F.REQUEST | NLM_F.DUMP;
    const answer = dump<Handle[]>(
      this.#socket,
      (sequence) => {
        this.#out.begin(IPCTNL_MSG_CT_GET, flags, sequence, nfgenmsg(AF[family]));
        return this.#out;
      },
      (view, message, found) => {
        const attributes = behind(message, NFGENMSG_LEN);
        const flow = attributes && readFlow(view, attributes, family);
        if (flow !== undefined && wanted(flow)) found.push(identity(view, attributes!));
      },
    );
    if ("found" in answer) return answer.found;
    throw refused("list", answer.refused);
  }

  #begin(type: number, flags: number, family: Family): number {
    const sequence = this.#socket.nextSequence();
    this.#out.begin(type, flags, sequence, nfgenmsg(AF[family]));
    return sequence;
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

  /** Sends the message. Returns false when the kernel refused it with `expected`. */
  #request(operation: string, sequence: number, expected: number): boolean {
    const said = request(this.#socket, this.#out.bytes, this.#out.length, sequence);
    if (said.code === 0) return true;
    if (said.code === expected) return false;
    throw refused(operation, said);
  }
}

/** An attribute that helps to identify a flow. */
interface Handle {
  readonly type: number;
  readonly value: Uint8Array;
}

function identity(view: DataView, attributes: Span): Handle[] {
  return [CTA_TUPLE_ORIG, CTA_ID, CTA_ZONE].flatMap((type) => {
    const found = within(view, attributes, type);
    if (found === undefined) return [];
    const nested = type === CTA_TUPLE_ORIG ? NLA_F_NESTED : 0;
    return [{ type: type | nested, value: bytesOf(view, found) }];
  });
}

/** Undefined for flows without ports (ICMP), and for malformed ones. */
function readFlow(view: DataView, attributes: Span, family: Family): Flow | undefined {
  const tuple = within(view, attributes, CTA_TUPLE_ORIG);
  const ip = tuple && within(view, tuple, CTA_TUPLE_IP);
  const proto = tuple && within(view, tuple, CTA_TUPLE_PROTO);
  if (ip === undefined || proto === undefined) return undefined;
  const size = family === 4 ? 4 : 16;
  const source = within(view, ip, CTA_IP_SRC[family], size);
  const target = within(view, ip, CTA_IP_DST[family], size);
  const number = within(view, proto, CTA_PROTO_NUM, 1);
  const from = within(view, proto, CTA_PROTO_SRC_PORT, 2);
  const to = within(view, proto, CTA_PROTO_DST_PORT, 2);
  if (!source || !target || !number || !from || !to) return undefined;
  return {
    source: addressFromBytes(bytesOf(view, source).subarray(0, size)),
    target: addressFromBytes(bytesOf(view, target).subarray(0, size)),
    proto: view.getUint8(number.at),
    sourcePort: view.getUint16(from.at),
    targetPort: view.getUint16(to.at),
  };
}

function refused(operation: string, { code, text }: Acknowledgement): OpError {
  return new OpError({
    operation,
    object: "the connection tracking table",
    detail: text === "" ? errnoName(code) : text,
    code,
    remedy: "check that the kernel has CONFIG_NF_CT_NETLINK and that we have CAP_NET_ADMIN",
  });
}
