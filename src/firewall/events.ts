/** Receives every change to nf_tables, and tells whether another program changed our table, or another one. */

import { behind, isText, type Span, within } from "../native/netlink/attributes.ts";
import { messages, NFGENMSG_LEN } from "../native/netlink/message.ts";
import { NETLINK_NETFILTER, NetlinkSocket, SOL_SOCKET } from "../native/netlink/socket.ts";
import { SET, TABLE } from "./sets.ts";

/** linux/netfilter/nfnetlink.h */
const NFNLGRP_NFTABLES = 7;
const NFNL_SUBSYS_NFTABLES = 10;
/**
 * linux/netfilter/nf_tables.h: enum nf_tables_msg_types; NFT_MSG_DELSETELEM is the last that names
 * a table.
 */
const NFT_MSG_DELTABLE = 2;
const NFT_MSG_DELSETELEM = 14;
/** linux/netfilter/nf_tables.h: NFTA_SET_ELEM_LIST_SET */
const NFTA_SET_ELEM_LIST_SET = 2;
/** linux/netfilter/nf_tables.h: NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE … are all 1 */
const NFTA_TABLE = 1;

/** The sets of grants for one connection. */
const FOR_ONE = [SET.door("one", 4), SET.door("one", 6)];

/** asm-generic/socket.h, the same on x64 and arm64 */
const SO_RCVBUFFORCE = 33;
/** Holds 60,000 events: as many as the flush of a full set makes. */
const BUFFER_BYTES = 8 * 1024 * 1024;

/** linux/netlink.h: nlmsg_pid, relative to the end of the header */
const PORT_ID_BEFORE = 4;

export class TableEvents implements Disposable {
  /** Readable when something changed, for poll(2). */
  readonly fd: number;
  readonly #socket = new NetlinkSocket(NETLINK_NETFILTER, 1 << (NFNLGRP_NFTABLES - 1));

  #tookOnce = false;
  #others = false;

  /** Belongs to one thread, and to the network namespace of that thread at the time. */
  constructor() {
    this.fd = this.#socket.fd;
    this.#socket.setOption(SO_RCVBUFFORCE, BUFFER_BYTES, SOL_SOCKET);
  }

  /**
   * Takes all waiting events. Returns whether a socket other than those of `ownPortIds` changed our
   * table. Also returns true when events were lost: the whole table must then be examined. Expiry
   * and the packet path make no events.
   */
  drain(ownPortIds: ReadonlySet<number>): boolean {
    let touched = false;
    for (;;) {
      const length = this.#socket.receive();
      if (length === 0) return touched;
      if (length < 0) touched = this.#tookOnce = this.#others = true;
      else touched = this.#touches(length, ownPortIds) || touched;
    }
  }

  #touches(length: number, ownPortIds: ReadonlySet<number>): boolean {
    const { view } = this.#socket;
    let touched = false;
    for (const message of messages(view, length)) {
      const { type, at } = message;
      if (type >> 8 !== NFNL_SUBSYS_NFTABLES || (type & 0xff) > NFT_MSG_DELSETELEM) continue;
      if (ownPortIds.has(view.getUint32(at - PORT_ID_BEFORE, true))) continue;
      const attributes = behind(message, NFGENMSG_LEN);
      const name = attributes && within(view, attributes, NFTA_TABLE);
      if (name === undefined || !isText(view, name, TABLE)) {
        this.#others = true;
        continue;
      }
      touched = true;
      this.#tookOnce ||= takesOnce(view, type & 0xff, attributes!);
    }
    return touched;
  }

  /** Whether another program deleted grants for one connection since the last call. */
  tookOnce(): boolean {
    const took = this.#tookOnce;
    this.#tookOnce = false;
    return took;
  }

  /** Whether another program changed another table since the last call, or may have where events were lost. */
  others(): boolean {
    const others = this.#others;
    this.#others = false;
    return others;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

function takesOnce(view: DataView, type: number, attributes: Span): boolean {
  if (type === NFT_MSG_DELTABLE) return true;
  if (type !== NFT_MSG_DELSETELEM) return false;
  const set = within(view, attributes, NFTA_SET_ELEM_LIST_SET);
  return set !== undefined && FOR_ONE.some((name) => isText(view, set, name));
}
