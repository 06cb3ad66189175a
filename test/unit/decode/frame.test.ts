/** What is a knock and what is not, frame by frame. */

import { describe, expect, test } from "bun:test";
import { emptyKnock } from "../../../src/core/knock.ts";
import { LinkType } from "../../../src/core/link-type.ts";
import { decodeFrame } from "../../../src/decode/frame.ts";
import { GOLDEN_FRAMES } from "../../golden/frames.ts";
import {
  authentication,
  bytes,
  concat,
  fragment6,
  frame,
  ipv4,
  ipv6,
  options6,
  type Segment,
  tcp,
  TcpFlags,
  udp,
  type Wrapping,
} from "../../support/frames.ts";
import { decoded } from "../../support/fuzz-decode.ts";
import { Pcapng } from "../../support/pcapng.ts";
import { spawnSync } from "../../support/programs.ts";

const { syn, ack, fin, rst, psh, urg } = TcpFlags;

/** "tcp SOURCE DESTINATION PORT", or "unknown". */
function decode(linkType: LinkType, wire: Uint8Array): string {
  const knock = emptyKnock();
  const view = new DataView(wire.buffer, wire.byteOffset, wire.length);
  const found = decoded(knock, decodeFrame(linkType, view, 0, wire.length, knock));
  if (found === undefined) return "unknown";
  const proto = found.proto === 6 ? "tcp" : "udp";
  return `${proto} ${found.source} ${found.destination} ${found.port}`;
}

const v4 = (segment: Segment, extra = {}) => ipv4("10.77.0.2", "10.77.0.1", segment, extra);
const v6 = (segment: Segment, ...chain: Parameters<typeof ipv6>[3] & {}) =>
  ipv6("fd77::2", "fd77::1", segment, chain);

const KNOCK4 = "tcp 10.77.0.2 10.77.0.1 7000";
const KNOCK6 = "tcp fd77::2 fd77::1 7000";

test.each(GOLDEN_FRAMES.map((golden) => [golden.capture, golden.command, golden] as const))(
  "decodeFrame() reads what tcpdump %s saw of: %s",
  (_capture, _command, golden) => {
    const wire = Uint8Array.fromHex(golden.hex);
    expect(decode(golden.linkType, wire)).toBe(golden.knock ?? "unknown");
  },
);

describe("link layers", () => {
  const cases: [string, LinkType, Wrapping, string][] = [
    ["Ethernet", LinkType.ethernet, {}, "knock"],
    ["Ethernet with a VLAN tag", LinkType.ethernet, { tags: [0x8100] }, "knock"],
    ["Ethernet with QinQ", LinkType.ethernet, { tags: [0x88a8, 0x8100] }, "knock"],
    ["Ethernet with old QinQ", LinkType.ethernet, { tags: [0x9100, 0x8100] }, "knock"],
    ["four tags", LinkType.ethernet, { tags: [0x8100, 0x8100, 0x8100, 0x8100] }, "knock"],
    ["five tags", LinkType.ethernet, { tags: Array(5).fill(0x8100) as number[] }, "unknown"],
    ["cooked v1 to this host", LinkType.cooked1, { packetType: 0 }, "knock"],
    ["cooked v1 with a tag put back", LinkType.cooked1, { tags: [0x8100] }, "knock"],
    ["cooked v1 of another host", LinkType.cooked1, { packetType: 3 }, "unknown"],
    ["cooked v1 on the way out", LinkType.cooked1, { packetType: 4 }, "unknown"],
    ["cooked v2 to this host", LinkType.cooked2, { packetType: 0 }, "knock"],
    ["cooked v2 of another host", LinkType.cooked2, { packetType: 3 }, "unknown"],
    ["cooked v2 on the way out", LinkType.cooked2, { packetType: 4 }, "unknown"],
    ["raw IP on Linux", LinkType.raw, {}, "knock"],
    ["raw IP on OpenBSD", LinkType.rawOpenBsd, {}, "knock"],
    ["raw IP in a file", LinkType.rawFile, {}, "knock"],
    ["BSD loopback, little-endian", LinkType.null, {}, "knock"],
    ["BSD loopback, big-endian", LinkType.null, { littleEndian: false }, "knock"],
    ["OpenBSD loopback", LinkType.loop, {}, "knock"],
    ["PPP with address and control", LinkType.ppp, {}, "knock"],
    ["PPP without them", LinkType.ppp, { framing: "none" }, "knock"],
    ["PPP with a short protocol field", LinkType.ppp, { shortProtocol: true }, "knock"],
    ["PPP of four bytes less", LinkType.ppp, { framing: "none", shortProtocol: true }, "knock"],
    ["Cisco HDLC where PPP is", LinkType.ppp, { framing: "unicast" }, "unknown"],
    ["PPP on a serial line", LinkType.pppSerial, {}, "knock"],
    ["Cisco HDLC on a serial line", LinkType.pppSerial, { framing: "unicast" }, "knock"],
    ["a serial line without framing", LinkType.pppSerial, { framing: "none" }, "unknown"],
    ["Cisco HDLC", LinkType.ciscoHdlc, {}, "knock"],
    ["Cisco HDLC, broadcast", LinkType.ciscoHdlc, { framing: "broadcast" }, "knock"],
    ["PPP where Cisco HDLC is", LinkType.ciscoHdlc, { framing: "hdlc" }, "unknown"],
    ["PPPoE", LinkType.pppoe, {}, "knock"],
    ["PPPoE in Ethernet", LinkType.ethernet, { session: true }, "knock"],
    ["PPPoE in a VLAN", LinkType.ethernet, { session: true, tags: [0x8100] }, "knock"],
    ["BSD loopback of another family", LinkType.null, { bsdFamily: 7 }, "unknown"],
  ];
  test.each(cases)("decodeFrame() on %s", (_name, linkType, wrapping, wanted) => {
    const of = (knock: string) => (wanted === "knock" ? knock : "unknown");
    expect(decode(linkType, frame(linkType, v4(tcp(7000)), wrapping))).toBe(of(KNOCK4));
    expect(decode(linkType, frame(linkType, v6(tcp(7000)), wrapping))).toBe(of(KNOCK6));
  });

  test.each([10, 24, 28, 30])("decodeFrame() knows IPv6 as family %d of a BSD", (bsdFamily) => {
    const wire = frame(LinkType.null, v6(tcp(7000)), { bsdFamily });
    expect(decode(LinkType.null, wire)).toBe(KNOCK6);
  });

  test("decodeFrame() keeps the families of raw IPv4 and raw IPv6 apart", () => {
    expect(decode(LinkType.ipv4, v4(tcp(7000)))).toBe(KNOCK4);
    expect(decode(LinkType.ipv6, v6(tcp(7000)))).toBe(KNOCK6);
    expect(decode(LinkType.ipv4, v6(tcp(7000)))).toBe("unknown");
    expect(decode(LinkType.ipv6, v4(tcp(7000)))).toBe("unknown");
  });

  test("decodeFrame() answers unknown on ARP, on 802.3 and on a link type it does not know", () => {
    const arp = frame(LinkType.ethernet, v4(tcp(7000)));
    arp.set([0x08, 0x06], 12);
    expect(decode(LinkType.ethernet, arp)).toBe("unknown");
    arp.set([0x00, 0x40], 12);
    expect(decode(LinkType.ethernet, arp)).toBe("unknown");
    expect(decode(105 as LinkType, v4(tcp(7000)))).toBe("unknown");
  });

  test("decodeFrame() reads no further than a session of PPPoE, and none that is not one", () => {
    const wire = frame(LinkType.pppoe, v4(tcp(7000)));
    const changed = (at: number, value: number) => {
      const copy = wire.slice();
      copy[at] = value;
      return decode(LinkType.pppoe, copy);
    };
    expect(changed(5, wire[5]! - 1)).toBe("unknown"); // its length
    expect(changed(1, 9)).toBe("unknown"); // a discovery
    expect(changed(0, 0x12)).toBe("unknown"); // another version
    expect(changed(7, 0x23)).toBe("unknown"); // another protocol
  });

  // Another reading of the same bytes: nobody here has a serial line to capture on.
  test.each<[string, LinkType, Wrapping]>([
    ["PPP", LinkType.ppp, {}],
    ["PPP without address and control", LinkType.ppp, { framing: "none" }],
    ["PPP with a short protocol field", LinkType.ppp, { shortProtocol: true }],
    ["PPP on a serial line", LinkType.pppSerial, {}],
    ["Cisco HDLC on a serial line", LinkType.pppSerial, { framing: "broadcast" }],
    ["Cisco HDLC", LinkType.ciscoHdlc, {}],
    ["PPPoE", LinkType.pppoe, {}],
    ["PPPoE in Ethernet", LinkType.ethernet, { session: true }],
  ])("tcpdump reads what decodeFrame() takes for %s", (_name, linkType, wrapping) => {
    const ng = new Pcapng();
    const packets = [v4(tcp(7000)), v6(tcp(7000))].map((packet) =>
      ng.packet(0, 0n, frame(linkType, packet, wrapping)),
    );
    const file = concat(ng.section(), ng.interface(linkType), ...packets);
    const { stdout } = spawnSync(["tcpdump", "-nt", "-r", "-"], { stdin: file });
    const out = stdout.toString();
    expect(out).toContain("IP 10.77.0.2.40000 > 10.77.0.1.7000: Flags [S]");
    expect(out).toContain("IP6 fd77::2.40000 > fd77::1.7000: Flags [S]");
  });
});

describe("TCP flags", () => {
  const cases: [string, number, string][] = [
    ["SYN", syn, KNOCK4],
    ["SYN with PSH and URG", syn | psh | urg, KNOCK4],
    ["SYN with the ECN bits of a modern sender", syn | 0xc0, KNOCK4],
    ["SYN-ACK", syn | ack, "unknown"],
    ["SYN-FIN", syn | fin, "unknown"],
    ["SYN-RST", syn | rst, "unknown"],
    ["ACK", ack, "unknown"],
    ["RST", rst, "unknown"],
    ["none", 0, "unknown"],
  ];
  test.each(cases)("decodeFrame() of %s", (_name, flags, wanted) => {
    expect(decode(LinkType.raw, v4(tcp(7000, flags)))).toBe(wanted);
  });
});

describe("IPv4", () => {
  test("decodeFrame() finds the port behind IP options", () => {
    for (const length of [4, 20, 40]) {
      const wire = v4(tcp(7000), { options: new Uint8Array(length).fill(1) });
      expect(decode(LinkType.raw, wire)).toBe(KNOCK4);
    }
  });

  test("decodeFrame() takes a first fragment with a whole header and no other", () => {
    expect(decode(LinkType.raw, v4(udp(8000), { more: true }))).toStartWith("udp");
    // The rest of a datagram, made to look like a SYN to 7000 by whoever sent it.
    expect(decode(LinkType.raw, v4(tcp(7000), { fragment: 1 }))).toBe("unknown");
    expect(decode(LinkType.raw, v4(tcp(7000), { fragment: 0x1fff, more: true }))).toBe("unknown");
    const tiny = { proto: 6, bytes: tcp(7000).bytes.slice(0, 16) };
    expect(decode(LinkType.raw, v4(tiny, { more: true }))).toBe("unknown");
  });

  test("decodeFrame() takes Ethernet padding for no part of the packet", () => {
    const short = { proto: 6, bytes: tcp(7000).bytes.slice(0, 16) };
    const wire = frame(LinkType.ethernet, v4(short));
    const padded = new Uint8Array(wire.length + 30);
    padded.set(wire);
    padded.set(tcp(7000).bytes.slice(16), wire.length);
    expect(decode(LinkType.ethernet, padded)).toBe("unknown");
  });

  test.each([
    ["a version that is neither", 0, 0x55],
    ["a header shorter than 20 bytes", 0, 0x44],
    ["a header longer than the packet", 0, 0x4f],
    ["a total length shorter than the header", 3, 19],
    ["a TCP offset below 5", 32, 0x40],
    ["another protocol", 9, 132],
  ])("decodeFrame() answers unknown on %s", (_name, at, value) => {
    const wire = v4(tcp(7000));
    wire[at] = value;
    expect(decode(LinkType.ipv4, wire)).toBe("unknown");
  });

  test("decodeFrame() answers unknown on a UDP length below 8", () => {
    const wire = v4(udp(8000));
    wire[25] = 7;
    expect(decode(LinkType.raw, wire)).toBe("unknown");
  });
});

describe("IPv6", () => {
  test("decodeFrame() walks extension headers", () => {
    expect(decode(LinkType.raw, v6(tcp(7000), options6(0)))).toBe(KNOCK6);
    expect(decode(LinkType.raw, v6(tcp(7000), options6(60, 3)))).toBe(KNOCK6);
    expect(decode(LinkType.raw, v6(tcp(7000), options6(43)))).toBe(KNOCK6);
    expect(decode(LinkType.raw, v6(tcp(7000), authentication(6)))).toBe(KNOCK6);
    const chain = [options6(0), options6(60), options6(43), fragment6(0, true), authentication()];
    expect(decode(LinkType.raw, v6(tcp(7000), ...chain))).toBe(KNOCK6);
    expect(decode(LinkType.raw, v6(udp(8000), options6(60)))).toBe("udp fd77::2 fd77::1 8000");
  });

  test("decodeFrame() takes a first fragment and no other", () => {
    expect(decode(LinkType.raw, v6(tcp(7000), fragment6(0, true)))).toBe(KNOCK6);
    expect(decode(LinkType.raw, v6(tcp(7000), fragment6(0, false)))).toBe(KNOCK6);
    expect(decode(LinkType.raw, v6(tcp(7000), fragment6(1, false)))).toBe("unknown");
  });

  test("decodeFrame() answers unknown on a packet that is on its way to somewhere else", () => {
    expect(decode(LinkType.raw, v6(tcp(7000), options6(43, 3, 1)))).toBe("unknown");
  });

  test("decodeFrame() takes hop-by-hop options in the first place only", () => {
    expect(decode(LinkType.raw, v6(tcp(7000), options6(60), options6(0)))).toBe("unknown");
  });

  test("decodeFrame() gives up after eight extension headers", () => {
    const chain = (length: number) => Array.from({ length }, () => options6(60));
    expect(decode(LinkType.raw, v6(tcp(7000), ...chain(8)))).toBe(KNOCK6);
    expect(decode(LinkType.raw, v6(tcp(7000), ...chain(9)))).toBe("unknown");
  });

  test("decodeFrame() reads no header behind the payload length", () => {
    const wire = v6(tcp(7000));
    wire.set([0, 19], 4);
    expect(decode(LinkType.raw, wire)).toBe("unknown");
    wire.set([0, 0], 4); // a jumbogram
    expect(decode(LinkType.raw, wire)).toBe("unknown");
  });

  test("decodeFrame() answers unknown on an extension header that ends outside", () => {
    const wire = v6(tcp(7000), options6(60));
    wire[41] = 255;
    expect(decode(LinkType.raw, wire)).toBe("unknown");
    const last = v6({ proto: 60, bytes: bytes(6, 0, 0, 0) });
    expect(decode(LinkType.raw, last)).toBe("unknown");
  });
});
