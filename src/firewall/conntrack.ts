/** The kernel's connection tracking table: enters living sessions into it, and takes connections out. */

import type { Address, Family } from "../core/address.ts";
import { addressBytes } from "../core/address.ts";
import { OpError } from "../core/errors.ts";
import { PROTO_NUMBER } from "../core/port.ts";
import type { Port, PortRange } from "../core/port.ts";
import { Errno, errnoName } from "../native/errno.ts";
import { behind } from "../native/netlink/attributes.ts";
import { dump } from "../native/netlink/dump.ts";
import { NFGENMSG_LEN, NLM_F } from "../native/netlink/message.ts";
import { MessageWriter, nfgenmsg } from "../native/netlink/message-writer.ts";
import { type Acknowledgement, request } from "../native/netlink/request.ts";
import type { NetlinkSocket } from "../native/netlink/socket.ts";
import {
  CTA_IP,
  CTA_PROTO_DST_PORT,
  CTA_PROTO_NUM,
  CTA_PROTO_SRC_PORT,
  CTA_PROTOINFO,
  CTA_PROTOINFO_TCP,
  CTA_PROTOINFO_TCP_STATE,
  CTA_TUPLE_IP,
  CTA_TUPLE_ORIG,
  CTA_TUPLE_PROTO,
  type End,
  ENDS,
  type Flow,
  type Handle,
  hasEndIn,
  identity,
  isOver,
  readFlow,
} from "./flow.ts";
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
const CTA_TUPLE_REPLY = 2;
const CTA_STATUS = 3;
const CTA_TIMEOUT = 7;
const CTA_FILTER = 25;
/** enum ctattr_filter */
const CTA_FILTER_ORIG_FLAGS = 1;
/** net/netfilter/nf_conntrack_netlink.c, `CTA_FILTER_F_CTA_IP_SRC` and `…_DST`: the end that a dump is filtered by */
const FILTERED_BY: Readonly<Record<End, number>> = { source: 1 << 0, target: 1 << 1 };
/** enum ctattr_protoinfo_tcp */
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

/** For each end that may be the peer's: which of its flows end. */
type Doomed = { readonly [end in End]?: (flow: Flow) => boolean };

interface Found {
  /** What identifies the flow. */
  readonly handles: readonly Handle[];
  readonly isOver: boolean;
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
   * `spared`. Returns how many it ended; TCP connections that were over already do not count.
   */
  deleteConnections(
    address: Address,
    prefix6: 64 | 128,
    ports: readonly PortRange[],
    spared: Spared = () => false,
  ): number {
    const isDoomed = (peer: Address, number: number, port: number) =>
      ports.some(({ proto, from, to }) => {
        if (PROTO_NUMBER[proto] !== number || port < from || to < port) return false;
        return !spared(peer, { proto, port });
      });
    const doomed: Doomed = {
      source: (flow) => isDoomed(flow.source, flow.proto, flow.targetPort),
      // A flow that this machine began from the guarded port: a peer-to-peer service such as WireGuard.
      target: (flow) => isDoomed(flow.target, flow.proto, flow.sourcePort),
    };
    const { family } = address;
    const flows =
      family === 6
        ? this.#find(address, prefix6, doomed)
        : ENDS.flatMap((end) => this.#find(address, 128, { [end]: doomed[end] }, end));
    let ended = 0;
    for (const flow of flows) {
      const sequence = this.#begin(IPCTNL_MSG_CT_DELETE, NLM_F.REQUEST | NLM_F.ACK, family);
      for (const { type, value } of flow.handles) this.#out.attribute(type, value);
      const isGone = this.#request("end a connection in", sequence, Errno.ENOENT);
      if (isGone && !flow.isOver) ended += 1;
    }
    return ended;
  }

  /**
   * The flows that `doomed` picks of those with that end in the network of the
   * address. A table may hold a flow for each packet of an attack: the kernel leaves out those without
   * the address at the end `only`, where that is given (from Linux 5.8 on; before, it sends all), and
   * the rest is judged in place. Its filter for IPv6 picks all addresses but the one (Linux 6.18).
   */
  #find(address: Address, bits: 64 | 128, doomed: Doomed, only?: End): Found[] {
    const { family } = address;
    const network = addressBytes(address).subarray(0, bits / 8);
    const answer = dump<Found>(
      this.#socket,
      (sequence) => {
        const flags = NLM_F.REQUEST | NLM_F.DUMP;
        this.#out.begin(IPCTNL_MSG_CT_GET, flags, sequence, nfgenmsg(AF[family]));
        if (only !== undefined) this.#filterByIpv4(only, address);
        return this.#out;
      },
      (view, message, found) => {
        const attributes = behind(message, NFGENMSG_LEN);
        if (attributes === undefined) return;
        for (const end of ENDS) {
          const isPicked = doomed[end];
          if (isPicked === undefined || !hasEndIn(view, attributes, end, network)) continue;
          const flow = readFlow(view, attributes, family);
          if (flow === undefined || !isPicked(flow)) continue;
          found.push({ handles: identity(view, attributes), isOver: isOver(view, attributes) });
          return;
        }
      },
    );
    if ("found" in answer) return answer.found;
    throw refused("list", answer.refused);
  }

  #filterByIpv4(end: End, address: Address): void {
    const out = this.#out;
    out.nest(CTA_TUPLE_ORIG, () => {
      out.nest(CTA_TUPLE_IP, () => {
        out.attribute(CTA_IP[end][4], addressBytes(address));
      });
    });
    out.nest(CTA_FILTER, () => {
      // In the order of the machine, unlike the other numbers.
      out.attribute(CTA_FILTER_ORIG_FLAGS, new Uint8Array(Uint32Array.of(FILTERED_BY[end]).buffer));
    });
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
        out.attribute(CTA_IP.source[source.family], addressBytes(source));
        out.attribute(CTA_IP.target[target.family], addressBytes(target));
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

function refused(operation: string, { code, text }: Acknowledgement): OpError {
  return new OpError({
    operation,
    object: "the connection tracking table",
    detail: text === "" ? errnoName(code) : text,
    code,
    remedy: "check that the kernel has CONFIG_NF_CT_NETLINK and that we have CAP_NET_ADMIN",
  });
}
