/** Tables of sockets in /proc, as the kernel prints them. */

import { describe, expect, test } from "bun:test";
import { formatAddress, isLoopback, parseAddress, unmapped } from "../../../src/core/address.ts";
import { parseSockets, SOCKET_STATE } from "../../../src/native/socket-table.ts";

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1EC6 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1
   2: 0101A8C0:0016 0201A8C0:D431 01 00000000:00000000 00:00000000 00000000  1000        0 4713 1
`;
const TCP6 = `   0: 000080FE00000000FF005450BDCAFEFF:0016 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4714 1
   1: 0000000000000000FFFF00000101A8C0:0016 0000000000000000FFFF00000201A8C0:D431 01 0:0 00:0 0 0 0 4715 1`;

describe("parseSockets()", () => {
  test("reads both ends, inode and user of sockets in a wanted state, and of no others", () => {
    const listening = parseSockets(TCP, [SOCKET_STATE.LISTEN]);
    expect(
      listening.map(({ local, inode }) => [formatAddress(local.address), local.port, inode]),
    ).toEqual([
      ["0.0.0.0", 22, "4711"],
      ["127.0.0.1", 7_878, "4712"],
    ]);
    expect(parseSockets(TCP, [SOCKET_STATE.ESTABLISHED])).toEqual([
      {
        local: { address: parseAddress("192.168.1.1")!, port: 22 },
        peer: { address: parseAddress("192.168.1.2")!, port: 54_321 },
        inode: "4713",
        uid: 1_000,
      },
    ]);
    expect(parseSockets(TCP, [SOCKET_STATE.CLOSE])).toEqual([]);
  });

  test("reads IPv6 word by word, and leaves IPv4 in it mapped, as the socket has it", () => {
    const [listening] = parseSockets(TCP6, [SOCKET_STATE.LISTEN]);
    expect(formatAddress(listening!.local.address)).toBe("fe80::5054:ff:fffe:cabd");
    const [session] = parseSockets(TCP6, [SOCKET_STATE.ESTABLISHED]);
    expect(formatAddress(session!.peer.address)).toBe("::ffff:192.168.1.2");
    expect(formatAddress(unmapped(session!.peer.address))).toBe("192.168.1.2");
  });

  test("leaves out what is no line of such a table", () => {
    expect(
      parseSockets("1: zz:0016 00000000:0000 0A\n\n 2: 0:1 0:2 0A", [SOCKET_STATE.LISTEN]),
    ).toEqual([]);
  });
});

test.each([
  ["127.1.2.3", true],
  ["::ffff:127.0.0.1", true],
  ["::1", true],
  ["::127.0.0.1", false],
  ["::ffff:10.0.0.1", false],
  ["128.0.0.1", false],
])("isLoopback(%s) is %p", (text, expected) => {
  expect(isLoopback(parseAddress(text)!)).toBe(expected);
});
