/** The capture for measuring a daemon's growth has the content that it claims. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recordLength, RECORD_BYTES } from "../../src/capture/records.ts";
import { addressFromBytes, formatAddress } from "../../src/core/address.ts";
import { LinkType } from "../../src/core/link-type.ts";
import { frame, ipv4, ipv6, tcp, udp } from "../support/frames.ts";
import { randomFrom } from "../support/random.ts";
import { type HourMix, type HourOptions, writeHour } from "./hour.ts";
import { ForgedFrame } from "./load/forged-frame.ts";

const OPTIONS: HourOptions = {
  seconds: 30,
  seed: 1,
  server4: "10.77.0.1",
  server6: "fd77::1",
  range: [20_000, 20_999],
  strayPorts: [7_000],
  strayDatagramPort: 62_201,
};

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "sallyport-hour-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

interface Read {
  readonly micros: number;
  readonly bytes: Uint8Array;
}

function write(
  name: string,
  options: HourOptions,
): { readonly mix: HourMix; readonly frames: Read[] } {
  const file = join(dir, name);
  const mix = writeHour(file, options);
  const bytes = new Uint8Array(readFileSync(file));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: Read[] = [];
  for (let at = 24; at < bytes.length;) {
    const length = recordLength(view, at, { littleEndian: true, perMs: 1_000 });
    const micros = view.getUint32(at, true) * 1e6 + view.getUint32(at + 4, true);
    frames.push({ micros, bytes: bytes.slice(at + RECORD_BYTES, at + RECORD_BYTES + length) });
    at += RECORD_BYTES + length;
  }
  return { mix, frames };
}

test("writeHour() writes as many frames as it says, in the order of time, all within the hour", () => {
  const { mix, frames } = write("all", OPTIONS);
  expect(frames).toHaveLength(Object.values(mix).reduce((sum, count) => sum + count, 0));
  expect(Math.min(...Object.values(mix))).toBeGreaterThan(0);
  const times = frames.map(({ micros }) => micros);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(times.at(-1)! - times[0]!).toBeLessThan(OPTIONS.seconds * 1e6);
});

test("writeHour() writes the same bytes for the same seed, and others for another", () => {
  const bytes = (name: string, seed: number) => {
    write(name, { ...OPTIONS, seconds: 3, seed });
    return readFileSync(join(dir, name));
  };
  expect(bytes("one", 1).equals(bytes("again", 1))).toBe(true);
  expect(bytes("one", 1).equals(bytes("other", 2))).toBe(false);
});

/** The forged frame as it would be if it were built from its addresses and ports. */
function rebuilt(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const v6 = bytes[14]! >>> 4 === 6;
  const [at, size] = v6 ? ([22, 16] as const) : ([26, 4] as const);
  const source = formatAddress(addressFromBytes(bytes.slice(at, at + size)));
  const l4 = v6 ? 54 : 34;
  const [sourcePort, port] = [view.getUint16(l4), view.getUint16(l4 + 2)];
  if (v6)
    return frame(LinkType.ethernet, ipv6(source, OPTIONS.server6, tcp(port, 2, { sourcePort })));
  return frame(LinkType.ethernet, ipv4(source, OPTIONS.server4, tcp(port, 2, { sourcePort })));
}

test("ForgedFrame.forge() makes frames of both families that have right checksums", () => {
  const random = randomFrom(3);
  for (const packet of [
    ipv4("11.0.0.1", OPTIONS.server4, tcp(1)),
    ipv6("2001:db8::1", OPTIONS.server6, tcp(1)),
  ]) {
    const forged = new ForgedFrame(frame(LinkType.ethernet, packet));
    const made = Array.from({ length: 500 }, () => forged.forge(random, 1 + random(65_535)));
    for (const bytes of made) expect(bytes).toEqual(rebuilt(bytes));
    expect(new Set(made.map((bytes) => bytes.toHex())).size).toBeGreaterThan(490);
  }
});

test("ForgedFrame.forge() keeps a datagram's content and leaves its checksum out", () => {
  const payload = new TextEncoder().encode("content");
  const forged = new ForgedFrame(
    frame(LinkType.ethernet, ipv4("11.0.0.1", OPTIONS.server4, udp(1, { payload }))),
  );
  const bytes = forged.forge(randomFrom(1), 62_201);
  const view = new DataView(bytes.buffer);
  expect(new TextDecoder().decode(bytes.slice(42))).toBe("content");
  expect([view.getUint16(36), view.getUint16(40)]).toEqual([62_201, 0]);
});
