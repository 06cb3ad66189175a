/** Capture files of every flavour, and broken ones. */

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCaptureFile } from "../../../src/capture/file.ts";
import { messageOf } from "../../../src/core/errors.ts";
import { emptyKnock } from "../../../src/core/knock.ts";
import { LinkType } from "../../../src/core/link-type.ts";
import { decodeFrame } from "../../../src/decode/frame.ts";
import { concat, frame, ipv4, tcp } from "../../support/frames.ts";
import { run } from "../../support/programs.ts";
import { readCapture } from "../../support/read-capture.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-pcap-"));
afterAll(() => rmSync(folder, { recursive: true }));

let made = 0;
function save(...parts: readonly Uint8Array[]): string {
  const path = join(folder, `${++made}.pcap`);
  writeFileSync(path, concat(...parts));
  return path;
}

interface Flavour {
  readonly littleEndian: boolean;
  readonly nano: boolean;
}

function words(littleEndian: boolean, ...values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  for (const [i, value] of values.entries()) view.setUint32(i * 4, value, littleEndian);
  return new Uint8Array(view.buffer);
}

function header({ littleEndian, nano }: Flavour, linkType: number = LinkType.raw): Uint8Array {
  const magic = nano ? 0xa1b23c4d : 0xa1b2c3d4;
  const version = littleEndian ? 0x0004_0002 : 0x0002_0004;
  return words(littleEndian, magic, version, 0, 0, 262_144, linkType);
}

function record(flavour: Flavour, bytes: Uint8Array, seconds: number, fraction: number) {
  return concat(words(flavour.littleEndian, seconds, fraction, bytes.length, bytes.length), bytes);
}

interface Got {
  readonly timeMs: number;
  readonly bytes: string;
}

function readAll(path: string, most?: number): Got[] {
  const { frames, error } = readCapture(path, most);
  if (error !== undefined) throw error;
  return frames.map(({ timeMs, bytes }) => ({ timeMs, bytes: bytes.toHex() }));
}

const MICRO: Flavour = { littleEndian: true, nano: false };
const SYN = ipv4("10.77.0.2", "10.77.0.1", tcp(7000));

test.each([
  [{ littleEndian: true, nano: false }],
  [{ littleEndian: true, nano: true }],
  [{ littleEndian: false, nano: false }],
  [{ littleEndian: false, nano: true }],
])("openCaptureFile() reads %p", (flavour) => {
  const fraction = flavour.nano ? 250_500_000 : 250_500;
  const path = save(header(flavour), record(flavour, SYN, 1_700_000_000, fraction));
  expect(readAll(path)).toEqual([
    { timeMs: 1_700_000_000_250.5, bytes: Buffer.from(SYN).toString("hex") },
  ]);
});

test("openCaptureFile() hands out no more frames than asked for, and all of them in the end", () => {
  const frames = Array.from({ length: 25 }, (_, i) => record(MICRO, SYN, i, 0));
  const got = readAll(save(header(MICRO), ...frames), 10);
  expect(got.map((one) => one.timeMs)).toEqual(frames.map((_, i) => i * 1000));
});

test("openCaptureFile() reads a file larger than its buffer, frames across the seams included", () => {
  const large = Array.from({ length: 40 }, (_, i) =>
    record(MICRO, new Uint8Array(60_000 + i * 7).fill(i), i, 0),
  );
  const got = readAll(save(header(MICRO), ...large));
  expect(got.length).toBe(40);
  for (const [i, { bytes }] of got.entries()) {
    expect(
      bytes ===
        i
          .toString(16)
          .padStart(2, "0")
          .repeat(60_000 + i * 7),
    ).toBeTrue();
  }
});

test("openCaptureFile() ends at a record that was cut short, wherever the cut is", () => {
  const whole = concat(header(MICRO), record(MICRO, SYN, 1, 0), record(MICRO, SYN, 2, 0));
  const first = 24 + 16 + SYN.length;
  for (let length = first; length < whole.length; length++) {
    expect(readAll(save(whole.slice(0, length))).length).toBe(1);
  }
  expect(readAll(save(whole)).length).toBe(2);
  expect(readAll(save(header(MICRO)))).toEqual([]);
});

test("remarks() tell of a record that was cut short, and of nothing else", () => {
  const whole = concat(header(MICRO), record(MICRO, SYN, 1, 0));
  for (let length = 24; length <= whole.length; length++) {
    const { remarks } = readCapture(save(whole.slice(0, length)));
    const isCut = length > 24 && length < whole.length;
    expect(remarks).toEqual(isCut ? [expect.stringContaining("in the middle of a packet")] : []);
  }
});

test("openCaptureFile() reads records of the patched kind and those with swapped lengths", () => {
  const hex = SYN.toHex();
  const patched = header(MICRO);
  patched.set([0x34, 0xcd, 0xb2, 0xa1]);
  const old = concat(words(true, 1, 500, SYN.length, 60, 2, 8), SYN);
  expect(readAll(save(patched, old, old)).map(({ bytes }) => bytes)).toEqual([hex, hex]);
  for (const version of [
    [2, 2],
    [2, 3],
    [543, 0],
  ]) {
    const swapped = header(MICRO);
    new Uint16Array(swapped.buffer).set(version, 2);
    const one = concat(words(true, 1, 500, 60, SYN.length), SYN);
    expect(readAll(save(swapped, one))).toEqual([{ timeMs: 1000.5, bytes: hex }]);
  }
});

test("openCaptureFile() masks the frame check bits beside the link type", () => {
  const path = save(header(MICRO, 0x5400_0000 | LinkType.ethernet), record(MICRO, SYN, 1, 0));
  expect(readCapture(path).frames.map(({ linkType }) => linkType)).toEqual([LinkType.ethernet]);
});

test("openCaptureFile() reads what tcpdump writes, to the microsecond and to the nanosecond, which decodeFrame() understands", () => {
  const wire = frame(LinkType.ethernet, SYN);
  const micro = save(header(MICRO, LinkType.ethernet), record(MICRO, wire, 1_700_000_000, 1));
  const nano = join(folder, "nano.pcap");
  run(["tcpdump", "--time-stamp-precision=nano", "-r", micro, "-w", nano]);
  const rewritten = join(folder, "rewritten.pcap");
  run(["tcpdump", "-r", micro, "-w", rewritten]);
  for (const path of [micro, nano, rewritten]) {
    using source = openCaptureFile(path);
    const knock = emptyKnock();
    const ports: number[] = [];
    source.drain((view, offset, length, _timeMs, linkType) => {
      if (decodeFrame(linkType, view, offset, length, knock)) ports.push(knock.port);
    }, 10);
    expect(ports).toEqual([7000]);
  }
});

test("openCaptureFile() refuses what is no capture file, saying why and what to do", () => {
  const refusal = (...parts: readonly Uint8Array[]) => messageOf(readCapture(save(...parts)).error);
  expect(refusal()).toEndWith(": it is empty: name a .pcap or .pcapng file");
  const noFile =
    ": it is no capture file: name a .pcap or .pcapng file, as tcpdump -w or Wireshark writes it";
  expect(refusal(new Uint8Array(40))).toEndWith(noFile);
  expect(refusal(Uint8Array.of(0xd4, 0xc3, 0xb2))).toEndWith(noFile);
  expect(refusal(header(MICRO).slice(0, 23))).toEndWith(
    "it is cut short in its header: make the capture anew",
  );
  expect(refusal(header(MICRO, 105))).toContain(
    ": its link type is 105, which carries no plain IP packets: ",
  );
  const later = header(MICRO);
  later[4] = 3;
  expect(refusal(later)).toContain(": it is of version 3.4 of its format, not of 2.4: ");
  expect(() => openCaptureFile(join(folder, "missing"))).toThrow(
    /^Cannot open \S+missing: there is no such file: name a/,
  );
  expect(() => openCaptureFile(folder)).toThrow(/^Cannot read \S+: it is a folder: name a/);
});

test("openCaptureFile() says what a packed file is packed by", () => {
  const whole = Buffer.from(concat(header(MICRO), record(MICRO, SYN, 1, 0)));
  for (const [packed, said] of [
    [Bun.gzipSync(whole), "packed by gzip: unpack it first (gunzip)"],
    [Bun.zstdCompressSync(whole), "packed by zstd: unpack it first (unzstd)"],
    [Uint8Array.of(0x42, 0x5a, 0x68, 0x39, 0), "packed by bzip2: unpack it first (bunzip2)"],
    [Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a), "packed by xz: unpack it first (unxz)"],
  ] as const) {
    expect(messageOf(readCapture(save(packed)).error)).toEndWith(said);
  }
});

test("drain() throws at a record that claims more than a frame can hold", () => {
  const damaged = words(true, 1, 0, 0x7fff_ffff, 0x7fff_ffff);
  const source = openCaptureFile(save(header(MICRO), record(MICRO, SYN, 1, 0), damaged));
  const seen: number[] = [];
  const at = 24 + 16 + SYN.length;
  expect(() => source.drain((_view, _offset, length) => seen.push(length), 10)).toThrow(
    `it is damaged: the record at byte ${at} claims 2147483647 bytes`,
  );
  expect(seen).toEqual([SYN.length]);
  source.close();
  expect(() => source.drain(() => {}, 1)).toThrow();
});
