/** The kernel's reply to an earlier message says nothing about the next one. */

import { afterAll, beforeEach, expect, test } from "bun:test";
import { LOOK_UPS_AT_ONCE, NftSocket } from "../../../src/firewall/nft-socket.ts";
import { SET } from "../../../src/firewall/sets.ts";
import { Errno } from "../../../src/native/errno.ts";
import { MessageWriter, nfgenmsg } from "../../../src/native/netlink/message-writer.ts";
import { NLM_F } from "../../../src/native/netlink/message.ts";
import { request } from "../../../src/native/netlink/request.ts";
import { SOL_SOCKET } from "../../../src/native/netlink/socket.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { guard } from "../../support/firewall.ts";

/** linux/netfilter/nf_tables.h: NFT_MSG_GETTABLE of NFNL_SUBSYS_NFTABLES; NFTA_TABLE_NAME */
const GETTABLE = (10 << 8) | 1;
const NFTA_TABLE_NAME = 1;
const NFPROTO_INET = 1;
const USE_BYTES = 16;
/** asm-generic/socket.h */
const SO_RCVBUF = 8;

const lab = new Lab();
guard(lab);
const nft = inside(lab.namespace("server"), () => new NftSocket());
afterAll(() => {
  nft[Symbol.dispose]();
  lab[Symbol.dispose]();
});

let uses = 0;

/** Each test has a use of its own. */
beforeEach(() => {
  nft.key.setUint32(0, ++uses);
  nft.beginTransaction();
  nft.add(SET.used, USE_BYTES, 60_000, true);
  expect(nft.commit()).toEqual([]);
});

function missingTable(sequence: number): MessageWriter {
  const out = new MessageWriter();
  out.begin(GETTABLE, NLM_F.REQUEST | NLM_F.ACK, sequence, nfgenmsg(NFPROTO_INET));
  out.attribute(NFTA_TABLE_NAME, new TextEncoder().encode("no-such-table\0"));
  return out;
}

/**
 * Leaves a refusal in the socket, like one that remains when the kernel discarded others before it.
 */
function leaveRefusal(): void {
  const out = missingTable(nft.socket.nextSequence());
  nft.socket.send(out.bytes, out.length);
}

test("nftSocket.commit() takes a refusal of an earlier message for none of its own", () => {
  leaveRefusal();
  nft.key.setUint32(0, ++uses);
  nft.beginTransaction();
  nft.add(SET.used, USE_BYTES, 60_000, true);
  expect(nft.commit()).toEqual([]);
});

test("nftSocket.commit() still tells its own refusal", () => {
  leaveRefusal();
  nft.beginTransaction();
  const sequence = nft.add(SET.used, USE_BYTES, 60_000, true);
  expect(nft.commit()).toMatchObject([{ sequence, code: Errno.EEXIST }]);
});

test("nftSocket.commit() may not know of one transaction whose replies the kernel discarded, and knows of the next", () => {
  nft.socket.setOption(SO_RCVBUF, 0, SOL_SOCKET);
  for (let i = 0; i < 100; i++) leaveRefusal();
  const commit = () => {
    nft.key.setUint32(0, ++uses);
    nft.beginTransaction();
    nft.add(SET.used, USE_BYTES, 60_000, true);
    return nft.commit();
  };
  expect(commit()).toMatchObject([{ code: Errno.ENOBUFS }]);
  expect(commit()).toEqual([]);
  nft.socket.setOption(SO_RCVBUF, 1 << 18, SOL_SOCKET);
});

test("nftSocket.answers() counts no reply to an earlier look-up", () => {
  leaveRefusal();
  nft.beginLookUps();
  nft.ask(SET.used, USE_BYTES);
  const [left] = nft.answers(1)!;
  expect(left).toBeWithin(50_000, 60_001);
});

test("nftSocket.answers() says nothing where the kernel discarded an answer, and says it the next time", () => {
  const ask = () => {
    nft.beginLookUps();
    for (let i = 0; i < LOOK_UPS_AT_ONCE; i++) nft.ask(SET.used, USE_BYTES);
    return nft.answers(LOOK_UPS_AT_ONCE);
  };
  nft.socket.setOption(SO_RCVBUF, 0, SOL_SOCKET);
  expect(ask()).toBeUndefined();
  nft.socket.setOption(SO_RCVBUF, 1 << 18, SOL_SOCKET);
  expect(Math.min(...ask()!)).toBeGreaterThan(50_000);
});

test("nftSocket.elements() tells a missing set from a refusal, and reads past earlier replies", () => {
  leaveRefusal();
  expect(nft.elements("no-such-set", () => 1)).toBeUndefined();
  expect(nft.elements(SET.used, () => 1)).toBeArrayOfSize(uses);
});

test("request() returns the kernel's words for its own message", () => {
  leaveRefusal();
  const sequence = nft.socket.nextSequence();
  const out = missingTable(sequence);
  expect(request(nft.socket, out.bytes, out.length, sequence)).toMatchObject({
    code: Errno.ENOENT,
  });
});
