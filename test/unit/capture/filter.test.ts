/** The BPF expression, compiled by the real libpcap and run on frames. */

import { describe, expect, test } from "bun:test";
import { knockFilter } from "../../../src/capture/filter.ts";
import { emptyKnock } from "../../../src/core/knock.ts";
import { LinkType } from "../../../src/core/link-type.ts";
import { PROTO_NUMBER, type PortRange, parsePortRange } from "../../../src/core/port.ts";
import { decodeFrame } from "../../../src/decode/frame.ts";
import { FilterProgram } from "../../../src/native/pcap-filter.ts";
import { GOLDEN_FRAMES } from "../../golden/frames.ts";
import {
  authentication,
  type Extension,
  fragment6,
  frame,
  ipv4,
  ipv6,
  options6,
  type Segment,
  tcp,
  TcpFlags,
  udp,
} from "../../support/frames.ts";
import { damaged, validFrame } from "../../support/fuzz-frames.ts";
import { randomFrom } from "../../support/random.ts";

const ranges = (...texts: string[]): PortRange[] => texts.map((text) => parsePortRange(text)!);

/** sys/socket.h: the value that libpcap uses for IPv6 in BSD loopback on Linux */
const AF_INET6 = 10;

const DOORS = ranges("20000-52767/tcp", "7000-9000/tcp", "8000/udp", "60000-60010/udp");

/** 14 and 101 occur only in files: libpcap compiles for the numbers of live captures. */
const FILES_ONLY: ReadonlySet<number> = new Set([LinkType.rawOpenBsd, LinkType.rawFile]);
const LIVE = Object.entries(LinkType).filter(([, linkType]) => !FILES_ONLY.has(linkType));
const LINK_TYPES = LIVE.map(([, linkType]) => linkType);

function compiled(wanted: readonly PortRange[], linkType: LinkType): FilterProgram {
  return FilterProgram.compileFor(linkType, knockFilter(wanted, linkType));
}

test("knockFilter() compiles for every link type, short and with many ranges", () => {
  const many = Array.from({ length: 60 }, (_, i) => ({
    proto: i % 2 === 0 ? ("tcp" as const) : ("udp" as const),
    from: 1000 + i * 100,
    to: 1000 + i * 100 + (i % 3) * 10,
  }));
  for (const linkType of LINK_TYPES) {
    for (const wanted of [ranges("20000-52767"), ranges("8000/udp"), DOORS, many]) {
      using program = compiled(wanted, linkType);
      expect(program.instructions).toBeGreaterThan(4);
      expect(program.instructions).toBeLessThan(2_000); // the kernel takes 4,096
    }
  }
});

test("knockFilter() makes one range of those that overlap or adjoin", () => {
  const text = (...wanted: string[]) => knockFilter(ranges(...wanted), LinkType.ethernet);
  expect(text("9000-9100", "8000-8999", "8500-9050")).toBe(text("8000-9100"));
  expect(text("7000", "7000")).toBe(text("7000"));
  expect(text("7100", "7000-7099")).toBe(text("7000-7100"));
  expect(text("7000/udp", "7000/tcp")).toBe(text("7000/tcp", "7000/udp"));
  expect(text("7000", "7002")).not.toBe(text("7000-7002"));
});

test("knockFilter() without ports passes nothing", () => {
  for (const linkType of LINK_TYPES) {
    using program = compiled([], linkType);
    const wire = frame(linkType, ipv4("192.0.2.1", "192.0.2.2", tcp(7000)));
    expect(program.matches(wire)).toBeFalse();
  }
});

describe.each(LIVE)("on link type %s", (_name, linkType) => {
  const has4 = linkType !== LinkType.ipv6;
  const has6 = linkType !== LinkType.ipv4;
  /**
   * Whether the filter passes each of the families that the link type can carry; all must agree.
   */
  function passes(program: FilterProgram, segment: Segment, chain: Extension[] = []): boolean {
    const answers: boolean[] = [];
    if (has4 && chain.length === 0) {
      const packet = ipv4("10.77.0.2", "10.77.0.1", segment);
      answers.push(program.matches(frame(linkType, packet)));
    }
    if (has6) {
      const packet = ipv6("fd77::2", "fd77::1", segment, chain);
      answers.push(program.matches(frame(linkType, packet, { bsdFamily: AF_INET6 })));
    }
    expect(new Set(answers).size).toBe(1);
    return answers[0]!;
  }

  test("knockFilter() passes SYNs to its ports and no others", () => {
    using program = compiled(DOORS, linkType);
    for (const port of [7000, 8000, 9000, 20_000, 52_767]) {
      expect(passes(program, tcp(port))).toBeTrue();
    }
    for (const port of [1, 22, 6999, 9001, 19_999, 52_768, 60_000, 65_535]) {
      expect(passes(program, tcp(port))).toBeFalse();
    }
    const { syn, ack, fin, rst } = TcpFlags;
    for (const flags of [syn | ack, ack, rst, fin | ack, syn | rst, syn | fin, 0]) {
      expect(passes(program, tcp(7000, flags))).toBeFalse();
    }
  });

  test("knockFilter() passes datagrams to its ports and no others", () => {
    using program = compiled(DOORS, linkType);
    for (const [port, wanted] of [
      [8000, true],
      [60_005, true],
      [7999, false],
      [7000, false],
      [60_011, false],
    ] as const) {
      expect(passes(program, udp(port))).toBe(wanted);
    }
  });

  if (has6) {
    test("knockFilter() leaves IPv6 extension headers to the decoder", () => {
      using program = compiled(DOORS, linkType);
      for (const chain of [
        options6(0),
        options6(43),
        options6(60),
        fragment6(0, true),
        authentication(),
      ]) {
        expect(passes(program, tcp(7000), [chain])).toBeTrue();
      }
    });
  }

  if (has4) {
    test("knockFilter() does not take the rest of an IPv4 datagram for a header", () => {
      using program = compiled(DOORS, linkType);
      const rest = ipv4("10.77.0.2", "10.77.0.1", tcp(7000), { fragment: 3 });
      expect(program.matches(frame(linkType, rest))).toBeFalse();
    });
  }
});

test("knockFilter() sees through one and two VLAN tags on Ethernet", () => {
  using program = compiled(DOORS, LinkType.ethernet);
  for (const tags of [[0x8100], [0x88a8, 0x8100], [0x9100, 0x8100]]) {
    const on = (packet: Uint8Array) => frame(LinkType.ethernet, packet, { tags });
    expect(program.matches(on(ipv4("10.0.0.1", "10.0.0.2", tcp(7000))))).toBeTrue();
    expect(program.matches(on(ipv6("fd00::1", "fd00::2", tcp(7000))))).toBeTrue();
    expect(program.matches(on(ipv6("fd00::1", "fd00::2", udp(8000))))).toBeTrue();
    expect(program.matches(on(ipv4("10.0.0.1", "10.0.0.2", tcp(22))))).toBeFalse();
    expect(program.matches(on(ipv6("fd00::1", "fd00::2", tcp(22))))).toBeFalse();
  }
});

test("knockFilter() passes the golden knocks", () => {
  for (const golden of GOLDEN_FRAMES) {
    const port = Number(golden.knock?.split(" ").at(-1) ?? 7000);
    const proto = golden.knock?.startsWith("udp") === true ? "udp" : "tcp";
    using program = compiled([{ proto, from: port, to: port }], golden.linkType);
    const passes = program.matches(Uint8Array.fromHex(golden.hex));
    expect([golden.command, passes]).toEqual([golden.command, golden.knock !== undefined]);
  }
});

test("knockFilter() passes every frame that decodeFrame() takes for a knock on its ports", () => {
  const seed = Date.now() % 1_000_000;
  const random = randomFrom(seed);
  const programs = new Map(LINK_TYPES.map((type) => [type, compiled(DOORS, type)]));
  const knock = emptyKnock();
  let knocks = 0;
  for (let i = 0; i < 40_000; i++) {
    const { linkType, bytes } =
      i % 2 === 0 ? validFrame(random) : damaged(random, validFrame(random));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (bytes.length === 0 || !decodeFrame(linkType, view, 0, bytes.length, knock)) continue;
    if (!expressible(linkType, bytes)) continue;
    const inRange = DOORS.some(
      ({ proto, from, to }) =>
        PROTO_NUMBER[proto] === knock.proto && from <= knock.port && knock.port <= to,
    );
    if (!inRange) continue;
    knocks++;
    if (programs.get(linkType)!.matches(bytes)) continue;
    throw new Error(`seed ${seed}, frame ${i}, link type ${linkType}: ${bytes.toHex()}`);
  }
  for (const program of programs.values()) program.close();
  expect(knocks).toBeGreaterThan(2_000);
});

/**
 * Frames that BPF can describe: two tags on Ethernet, none on cooked captures (the kernel has taken
 * the possible one off before), no PPPoE sessions in either (the kernel hands their content to an
 * interface of their own), the loopback families of this machine, and PPP with all its fields.
 */
function expressible(linkType: number, bytes: Uint8Array): boolean {
  const type = (at: number) => (bytes[at]! << 8) | bytes[at + 1]!;
  const isTag = (value: number) => value === 0x8100 || value === 0x88a8 || value === 0x9100;
  const isSession = (...places: number[]) => places.some((at) => type(at) === 0x8864);
  switch (linkType) {
    case LinkType.ethernet:
      return !(isTag(type(12)) && isTag(type(16)) && isTag(type(20))) && !isSession(12, 16, 20);
    case LinkType.cooked1:
      return !isTag(type(14)) && !isSession(14);
    case LinkType.cooked2:
      return !isTag(type(0)) && !isSession(0);
    case LinkType.ppp:
    case LinkType.pppSerial:
      return type(0) === 0xff03 && bytes[2] === 0;
    case LinkType.pppoe:
      return bytes[6] === 0;
    case LinkType.null:
    case LinkType.loop:
      return false;
    default:
      return !FILES_ONLY.has(linkType);
  }
}
