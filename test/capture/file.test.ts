/** Capture files of every flavour, and broken ones. */

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCaptureFile } from "../../src/capture/file.ts";
import { emptyKnock } from "../../src/core/knock.ts";
import { LinkType } from "../../src/core/link-type.ts";
import { decodeFrame } from "../../src/decode/frame.ts";
import { concat, frame, ipv4, tcp } from "../support/frames.ts";
import { run } from "../support/programs.ts";

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

function readAll(path: string, most = 1000): Got[] {
  const source = openCaptureFile(path);
  const got: Got[] = [];
  try {
    for (;;) {
      const frames = source.drain((view, offset, length, timeMs) => {
        got.push({ timeMs, bytes: Buffer.from(view.buffer, offset, length).toString("hex") });
      }, most);
      if (frames === 0) break;
      expect(frames).toBeLessThanOrEqual(most);
    }
    expect(source.stats()).toEqual({ received: got.length, dropped: 0 });
  } finally {
    source.close();
  }
  return got;
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

test("openCaptureFile() masks the frame check bits beside the link type", () => {
  const source = openCaptureFile(save(header(MICRO, 0x5400_0000 | LinkType.ethernet)));
  expect(source.linkType).toBe(LinkType.ethernet);
  expect(source.fd).toBe(-1);
  source.close();
  source.close();
});

test("openCaptureFile() reads what tcpdump writes, to the microsecond and to the nanosecond, which decodeFrame() understands", () => {
  const wire = frame(LinkType.ethernet, SYN);
  const micro = save(header(MICRO, LinkType.ethernet), record(MICRO, wire, 1_700_000_000, 1));
  const nano = join(folder, "nano.pcap");
  run(["tcpdump", "--time-stamp-precision=nano", "-r", micro, "-w", nano]);
  const rewritten = join(folder, "rewritten.pcap");
  run(["tcpdump", "-r", micro, "-w", rewritten]);
  for (const path of [micro, nano, rewritten]) {
    const source = openCaptureFile(path);
    const knock = emptyKnock();
    const ports: number[] = [];
    source.drain((view, offset, length) => {
      if (decodeFrame(source.linkType, view, offset, length, knock)) ports.push(knock.port);
    }, 10);
    source.close();
    expect(ports).toEqual([7000]);
  }
});

test("openCaptureFile() refuses what is no .pcap file, saying why and what to do", () => {
  // A section header block, as every pcapng file begins
  const ng = save(words(true, 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, -1, -1, 28));
  expect(() => openCaptureFile(ng)).toThrow(
    `Cannot read ${ng}: it is a pcapng file: convert it: editcap -F pcap ${ng} out.pcap`,
  );
  expect(() => openCaptureFile(save(new Uint8Array(40)))).toThrow("it is no capture file");
  expect(() => openCaptureFile(save(new Uint8Array(0)))).toThrow("it is too short");
  expect(() => openCaptureFile(save(header(MICRO, 105)))).toThrow("its link type is 105");
  expect(() => openCaptureFile(join(folder, "missing"))).toThrow(/^Cannot open .*missing: ENOENT/);
  expect(() => openCaptureFile(folder)).toThrow(/^Cannot read .*EISDIR/);
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
