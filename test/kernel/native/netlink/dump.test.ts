/**
 * Dumps from a kernel that changes meanwhile, and after earlier ones that were not read to their
 * end.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Dumped, dump } from "../../../../src/native/netlink/dump.ts";
import { NLM_F } from "../../../../src/native/netlink/message.ts";
import { MessageWriter } from "../../../../src/native/netlink/message-writer.ts";
import { NETLINK_ROUTE, NetlinkSocket, SOL_SOCKET } from "../../../../src/native/netlink/socket.ts";
import { inside } from "../../../support/inside.ts";
import { Lab } from "../../../support/lab.ts";

/** linux/rtnetlink.h: RTM_NEWADDR, RTM_GETADDR; `struct ifaddrmsg`, whose first byte is the family */
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const IFADDRMSG = Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0);
/** asm-generic/socket.h */
const SO_RCVBUF = 8;
/** More than fit into one datagram. */
const ADDRESSES = 2_000;

const lab = new Lab();
/** As `ip` counts them: each test may have added some. */
const all = () =>
  lab.run("server", ["ip", "-4", "-o", "address"]).out.split("\n").filter(Boolean).length;

beforeAll(() => {
  const lines = Array.from(
    { length: ADDRESSES },
    (_, i) => `address add 10.99.${i >> 8}.${i & 255}/32 dev lo`,
  );
  lab.run("server", ["ip", "-batch", "-"], { input: `${lines.join("\n")}\n` });
}, 30_000);
afterAll(() => lab[Symbol.dispose]());

function newSocket(): NetlinkSocket {
  return inside(lab.namespace("server"), () => new NetlinkSocket(NETLINK_ROUTE));
}

function question(sequence: number): MessageWriter {
  const out = new MessageWriter(64);
  out.begin(RTM_GETADDR, NLM_F.REQUEST | NLM_F.DUMP, sequence, IFADDRMSG);
  return out;
}

function addressesOf(socket: NetlinkSocket, visited: () => void = () => {}): Dumped<number> {
  return dump<number>(socket, question, (_view, { type }, found) => {
    if (type === RTM_NEWADDR) found.push(type);
    visited();
  });
}

function count(answer: Dumped<number>): number {
  if ("refused" in answer) throw new Error(`refused with ${answer.refused.code}`);
  return answer.found.length;
}

function ask(socket: NetlinkSocket): void {
  const { bytes, length } = question(socket.nextSequence());
  socket.send(bytes, length);
}

test("dump() asks again after a dump that was not read to its end", () => {
  using socket = newSocket();
  ask(socket);
  expect(socket.receive()).toBeGreaterThan(0);
  expect(count(addressesOf(socket))).toBe(all());
});

test("dump() is whole after the kernel had to discard replies that nobody took", () => {
  using socket = newSocket();
  socket.setOption(SO_RCVBUF, 0, SOL_SOCKET);
  // Each but the first is refused, and the refusals outgrow the memory of the socket.
  for (let i = 0; i < 100; i++) ask(socket);
  socket.setOption(SO_RCVBUF, 1 << 20, SOL_SOCKET);
  expect(count(addressesOf(socket))).toBe(all());
});

test("dump() counts what others changed meanwhile once, as it stands then", () => {
  using socket = newSocket();
  let visits = 0;
  const found = addressesOf(socket, () => {
    if (++visits === 1) lab.addAddress("server", "lo", "10.98.0.1/32");
  });
  expect(count(found)).toBe(all());
  expect(visits).toBeGreaterThan(all());
});

test("dump() asks again where a message shows that the reply is not whole", () => {
  using socket = newSocket();
  let visits = 0;
  const found = dump<number>(socket, question, (_view, { type }, into) => {
    if (type === RTM_NEWADDR) into.push(type);
    return ++visits === 2 ? "torn" : undefined;
  });
  expect(count(found)).toBe(all());
  expect(visits).toBeGreaterThan(all());
});
