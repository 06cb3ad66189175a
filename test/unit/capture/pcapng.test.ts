/** pcapng files: sections, interfaces, times and blocks of every kind, and broken ones. */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCaptureFile } from "../../../src/capture/file.ts";
import { messageOf, OpError } from "../../../src/core/errors.ts";
import { LinkType } from "../../../src/core/link-type.ts";
import { bytes, concat, frame, ipv4, tcp } from "../../support/frames.ts";
import { Pcapng } from "../../support/pcapng.ts";
import { readCapture } from "../../support/read-capture.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-pcapng-"));
afterAll(() => rmSync(folder, { recursive: true }));

let made = 0;
function save(...parts: readonly Uint8Array[]): string {
  const path = join(folder, `${++made}.pcapng`);
  writeFileSync(path, concat(...parts));
  return path;
}

function read(...parts: readonly Uint8Array[]) {
  return readCapture(save(...parts));
}

/** The sentence with which a file is refused. */
function refusal(...parts: readonly Uint8Array[]): string {
  const { error } = read(...parts);
  expect(error).toBeInstanceOf(OpError);
  return messageOf(error);
}

const SYN = ipv4("10.77.0.2", "10.77.0.1", tcp(7000));
const ON_ETHERNET = frame(LinkType.ethernet, SYN);
const ng = new Pcapng();
const { ethernet, raw } = LinkType;

/** 2023-11-14 22:13:20.25 UTC in microseconds */
const TICKS = 1_700_000_000_250_000n;

test.each([true, false])("openCaptureFile() reads a section, little-endian: %p", (littleEndian) => {
  const own = new Pcapng(littleEndian);
  const { frames, remarks } = read(
    own.section({}, [2, bytes(0x78)]),
    own.interface(ethernet, 262_144, [2, bytes(0x65, 0x74, 0x68, 0x30)]),
    own.packet(0, TICKS, ON_ETHERNET, { options: [[1, bytes(0x68, 0x69, 0x21)]] }),
  );
  expect(frames).toEqual([{ timeMs: 1_700_000_000_250, linkType: ethernet, bytes: ON_ETHERNET }]);
  expect(remarks).toEqual([]);
});

test("openCaptureFile() reads several interfaces of different link types", () => {
  const { frames } = read(
    ng.section(),
    ng.interface(ethernet),
    ng.packet(0, 1_000n, ON_ETHERNET),
    ng.interface(raw),
    ng.packet(1, 2_000n, SYN),
    ng.packet(0, 3_000n, ON_ETHERNET),
  );
  expect(frames.map(({ linkType, timeMs }) => [linkType, timeMs])).toEqual([
    [ethernet, 1],
    [raw, 2],
    [ethernet, 3],
  ]);
});

test("openCaptureFile() forgets the interfaces and the byte order of a section when another begins", () => {
  const other = new Pcapng(false);
  const { frames } = read(
    ng.section(),
    ng.interface(ethernet),
    ng.packet(0, 1_000n, ON_ETHERNET),
    other.section({ minor: 2 }),
    other.interface(raw, 0, other.resolution(3)),
    other.packet(0, 7n, SYN),
  );
  expect(frames.map(({ linkType, timeMs }) => [linkType, timeMs])).toEqual([
    [ethernet, 1],
    [raw, 7],
  ]);
  const orphan = [ng.section(), ng.interface(raw), other.section(), other.packet(0, 1n, SYN)];
  expect(refusal(...orphan)).toContain("is of interface 0, which it does not describe");
});

describe("times", () => {
  const timeOf = (ticks: bigint, ...options: Parameters<Pcapng["interface"]>[2][]) =>
    read(ng.section(), ng.interface(raw, 0, ...options), ng.packet(0, ticks, SYN)).frames[0]!
      .timeMs;

  test.each([
    [0, 1_700_000_000n, 1_700_000_000_000],
    [1, 17_000_000_005n, 1_700_000_000_500],
    [2, 170_000_000_025n, 1_700_000_000_250],
    [3, 1_700_000_000_250n, 1_700_000_000_250],
    [6, 1_700_000_000_250_500n, 1_700_000_000_250.5],
    [7, 17_000_000_002_505_000n, 1_700_000_000_250.5],
    [9, 1_700_000_000_250_500_000n, 1_700_000_000_250.5],
    [10, 17_000_000_002_505_000_000n, 1_700_000_000_250.5],
    [12, 1_700_000_250_500_000_000n, 1_700_000_250.5],
    [127, 0xffff_ffff_ffff_ffffn, 0],
    [0x80, 1_700_000_000n, 1_700_000_000_000],
    [0x80 | 1, 3_400_000_001n, 1_700_000_000_500],
    [0x80 | 20, 1_700_000_000n * 2n ** 20n + 2n ** 18n, 1_700_000_000_250],
    [0x80 | 33, 1_700_000_000n * 2n ** 33n + 2n ** 31n, 1_700_000_000_250],
    [0xff, 0xffff_ffff_ffff_ffffn, 0],
  ])("openCaptureFile() takes if_tsresol %d: %p ticks", (resolution, ticks, wanted) => {
    expect(Math.abs(timeOf(ticks, ng.resolution(resolution)) - wanted)).toBeLessThan(0.0005);
  });

  test("openCaptureFile() adds if_tsoffset, also below zero", () => {
    expect(timeOf(250_000n, ng.offset(1_700_000_000n))).toBe(1_700_000_000_250);
    expect(timeOf(1_700_000_010n, ng.resolution(0), ng.offset(-10n))).toBe(1_700_000_000_000);
  });

  test("openCaptureFile() gives no time to a frame of none, of one before 1970 and of one after 9999", () => {
    expect(timeOf(0n)).toBe(0);
    expect(timeOf(0n, ng.offset(-1n))).toBeNaN();
    expect(timeOf(0xffff_ffff_ffff_ffffn, ng.resolution(0))).toBeNaN();
    expect(timeOf(0n, ng.offset(2n ** 63n - 1n))).toBeNaN();
    const simple = read(ng.section(), ng.interface(raw), ng.simplePacket(SYN));
    expect(simple.frames).toEqual([{ timeMs: Number.NaN, linkType: raw, bytes: SYN }]);
  });
});

test("openCaptureFile() reads obsolete packet blocks and simple ones", () => {
  const { frames } = read(
    ng.section(),
    ng.interface(ethernet),
    ng.interface(raw, 40),
    ng.obsoletePacket(1, 5_000n, SYN),
    ng.simplePacket(ON_ETHERNET),
  );
  expect(frames.map(({ linkType, bytes: kept }) => [linkType, kept.toHex()])).toEqual([
    [raw, SYN.toHex()],
    [ethernet, ON_ETHERNET.toHex()],
  ]);
  // Cut to the snaplen of the first interface; padding follows
  const cut = read(ng.section(), ng.interface(raw, 33), ng.simplePacket(SYN.slice(0, 33), 40));
  expect(cut.frames.map(({ bytes: kept }) => kept.length)).toEqual([33]);
});

test("openCaptureFile() skips blocks and options it does not know, however large", () => {
  const large = new Uint8Array(3 * 1024 * 1024).fill(6);
  const many = Array.from({ length: 40 }, () => [2988, new Uint8Array(60_000)] as const);
  const { frames, error } = read(
    ng.section({}, ...many),
    ng.block(0x0000_000a, large), // secrets of TLS connections
    ng.interface(raw, 0, ...many, ng.resolution(3)),
    ng.block(4, bytes(1, 2, 3, 4)), // names
    ng.block(0x4000_0bad, large), // anybody's
    ng.packet(0, 77n, SYN, { options: many }),
    ng.block(5, bytes(0, 0, 0, 0)), // statistics
  );
  expect(error).toBeUndefined();
  expect(frames).toEqual([{ timeMs: 77, linkType: raw, bytes: SYN }]);
});

test("openCaptureFile() reads frames across the seams of its buffer", () => {
  const packet = ng.packet(0, 1_000n, SYN);
  const interfaces = ng.interface(raw, 0, ng.resolution(6), [1, bytes(1)]);
  for (let shift = 0; shift <= packet.length + interfaces.length; shift += 4) {
    const filler = ng.block(99, new Uint8Array(1024 * 1024 - 28 - 12 - shift));
    const { frames, error } = read(ng.section(), filler, interfaces, packet, packet);
    expect(error).toBeUndefined();
    expect(frames.map((one) => one.bytes.toHex())).toEqual([SYN.toHex(), SYN.toHex()]);
  }
});

test("openCaptureFile() leaves out frames of other link types, and says so", () => {
  const radio = ng.interface(105);
  const { frames, remarks } = read(
    ng.section(),
    radio,
    ng.interface(raw),
    ng.packet(1, 1n, SYN),
    ng.packet(0, 1n, SYN),
    ng.packet(0, 1n, new Uint8Array(300_000)),
  );
  expect(frames.length).toBe(1);
  expect(remarks).toEqual([
    "2 frames were not looked at: their link type is 105, which carries no plain IP packets",
  ]);
  expect(refusal(ng.section(), radio, ng.packet(0, 1n, SYN))).toEndWith(
    ': its link type is 105, which carries no plain IP packets: capture on an Ethernet, tunnel or loopback interface, or on "any"',
  );
});

test("openCaptureFile() tells a few other link types apart, however many a hostile file names", () => {
  const types = Array.from({ length: 300 }, (_, i) => 1_000 + i);
  const { remarks } = read(
    ng.section(),
    ng.interface(raw),
    ...types.map((type) => ng.interface(type)),
    ng.packet(0, 1n, SYN),
    ...types.map((_, i) => ng.packet(i + 1, 1n, SYN)),
  );
  expect(remarks.length).toBe(9);
  expect(remarks.at(-1)).toBe(
    "Of 292 more link types that carry no plain IP packets, frames not looked at: 292",
  );
});

test("openCaptureFile() ends at a block that was cut short, wherever the cut is", () => {
  const parts = [
    ng.section(),
    ng.interface(raw, 0, ng.resolution(6)),
    ng.packet(0, 1_000n, SYN, { options: [[1, bytes(1, 2, 3)]] }),
    ng.packet(0, 2_000n, SYN),
  ];
  const whole = concat(...parts);
  const seams = new Set(parts.map((_, i) => concat(...parts.slice(0, i + 1)).length));
  const all = readCapture(save(whole)).frames;
  let before = 0;
  for (let length = 24; length <= whole.length; length++) {
    const { frames, remarks, error } = readCapture(save(whole.slice(0, length)));
    expect(error).toBeUndefined();
    expect(frames).toEqual(all.slice(0, frames.length));
    expect(frames.length).toBeGreaterThanOrEqual(before);
    before = frames.length;
    expect(remarks.length).toBe(seams.has(length) ? 0 : 1);
  }
  expect(before).toBe(2);
  for (let length = 4; length < 24; length++) {
    expect(refusal(whole.slice(0, length))).toEndWith(
      ": it is cut short in its header: make the capture anew",
    );
  }
});

describe("damage", () => {
  const start = [ng.section(), ng.interface(raw)];
  const at = concat(...start).length;
  test.each<[string, string, readonly Uint8Array[]]>([
    [
      "a section without a byte order",
      "the section at byte 0 has no valid byte order",
      [ng.section({ magic: 1 })],
    ],
    [
      "a later version",
      "it is of version 2.0 of its format, not of 1.0",
      [ng.section({ major: 2 })],
    ],
    [
      "a block of no length",
      `the block at byte ${at} claims 0 bytes`,
      [...start, ng.block(6, SYN, { claim: 0 })],
    ],
    [
      "a block of odd length",
      `the block at byte ${at} claims 61 bytes`,
      [...start, ng.block(6, new Uint8Array(49))],
    ],
    [
      "a packet without its fields",
      `the block at byte ${at} claims 28 bytes`,
      [...start, ng.block(6, new Uint8Array(16))],
    ],
    [
      "lengths that differ",
      `the block at byte ${at} claims 16 bytes and ends with 20`,
      [...start, ng.block(99, bytes(0, 0, 0, 0), { again: 20 })],
    ],
    [
      "a frame larger than its block",
      `the frame at byte ${at + 28} claims 4294967295 of 40 bytes`,
      [...start, ng.packet(0, 1n, SYN, { captured: 0xffff_ffff })],
    ],
    [
      "a frame larger than any",
      `the frame at byte ${at + 28} claims 262145 bytes`,
      [...start, ng.packet(0, 1n, new Uint8Array(262_145))],
    ],
    [
      "an interface that is not described",
      `the packet at byte ${at + 8} is of interface 1, which it does not describe`,
      [...start, ng.packet(1, 1n, SYN)],
    ],
    [
      "a simple packet before any interface",
      "the packet at byte 36 is of interface 0, which it does not describe",
      [ng.section(), ng.simplePacket(SYN)],
    ],
    [
      "an option that ends outside",
      "the option at byte 44 ends outside of its block",
      [ng.section(), ng.block(1, concat(ng.u16(1, 0), ng.u32(0), ng.u16(9, 99)))],
    ],
  ])("openCaptureFile() says what is wrong with %s", (_name, said, parts) => {
    const sentence = refusal(...parts);
    expect(sentence).toContain(`${said}: make the capture anew`);
    expect(sentence).not.toContain("\n");
  });

  test("drain() hands out what stands before the damage", () => {
    const { frames, error } = read(...start, ng.packet(0, 1n, SYN), ng.packet(3, 1n, SYN));
    expect(frames.length).toBe(1);
    expect(error).toBeInstanceOf(OpError);
  });
});

test("a file of nothing but interfaces, and one that claims gigabytes, take no memory", () => {
  const many = save(ng.section(), ...Array<Uint8Array>(65_537).fill(ng.interface(raw)));
  expect(messageOf(readCapture(many).error)).toContain("it describes more than 65536 interfaces");
  const huge = save(ng.section(), ng.interface(raw), ng.u32(99, 0xffff_fffc));
  truncateSync(huge, 200 * 1024 * 1024); // a hole
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  const { remarks } = readCapture(huge);
  expect(remarks).toEqual([expect.stringContaining("in the middle of a packet")]);
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
});

test("a closed file hands out nothing more", () => {
  const file = openCaptureFile(save(ng.section(), ng.interface(raw)));
  file.close();
  file.close();
  expect(() => file.drain(() => {}, 1)).toThrow("is closed");
});
