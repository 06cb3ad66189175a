/** Capture files that somebody damaged, at random and on purpose: an answer or one sentence, always. */

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpError } from "../../src/core/errors.ts";
import { LinkType } from "../../src/core/link-type.ts";
import { GOLDEN_CAPTURES } from "../golden/captures.ts";
import { bytes, concat, frame, ipv4, tcp } from "../support/frames.ts";
import { Pcapng } from "../support/pcapng.ts";
import { randomFrom } from "../support/random.ts";
import { type ReadCapture, readCapture } from "../support/read-capture.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-fuzz-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "file");

/** One file of every block there is, in both byte orders. */
function everything(): Uint8Array {
  const syn = ipv4("10.77.0.2", "10.77.0.1", tcp(7000));
  const sections = [true, false].map((littleEndian) => {
    const ng = new Pcapng(littleEndian);
    return concat(
      ng.section({}, [3, bytes(1, 2, 3)]),
      ng.interface(LinkType.ethernet, 262_144, ng.resolution(9), ng.offset(5n)),
      ng.interface(LinkType.raw, 96, ng.resolution(0x8a)),
      ng.interface(105),
      ng.packet(0, 1_700_000_000_000_000_000n, frame(LinkType.ethernet, syn)),
      ng.packet(1, 1_700_000_000n * 1024n, syn, { options: [[1, bytes(7, 7, 7)]] }),
      ng.packet(2, 9n, syn),
      ng.obsoletePacket(1, 3n, syn),
      ng.block(5, new Uint8Array(12)),
      ng.simplePacket(frame(LinkType.ethernet, syn)),
    );
  });
  return concat(...sections);
}

const FILES: readonly Uint8Array[] = [
  everything(),
  ...GOLDEN_CAPTURES.map((golden) => new Uint8Array(readFileSync(golden.path))),
];

/** What must hold of whatever is read. */
function readDamaged(contents: Uint8Array): ReadCapture {
  writeFileSync(path, contents);
  const read = readCapture(path);
  const total = read.frames.reduce((sum, one) => sum + one.bytes.length, 0);
  const times = read.frames.every(
    ({ timeMs }) => Number.isNaN(timeMs) || !Number.isNaN(new Date(timeMs).getTime()),
  );
  const sentence = read.error === undefined ? "" : (read.error as Error).message;
  const isSound =
    total <= contents.length &&
    times &&
    (read.error === undefined || read.error instanceof OpError) &&
    !sentence.includes("\n");
  if (!isSound) throw new Error(`${contents.toHex()}: ${total} bytes of frames, "${sentence}"`);
  return read;
}

test("a file cut at any byte hands out the first of its frames and ends, or is refused in its header", () => {
  for (const contents of FILES) {
    const whole = readDamaged(contents).frames;
    let before = 0;
    for (let length = 0; length <= contents.length; length++) {
      const { frames, error } = readDamaged(contents.slice(0, length));
      expect(frames).toEqual(whole.slice(0, frames.length));
      expect(frames.length).toBeGreaterThanOrEqual(before);
      if (error !== undefined && length >= 24) throw error;
      before = frames.length;
    }
    expect(before).toBe(whole.length);
  }
});

test("a file with bytes changed at random is read or refused in one sentence", () => {
  const seed = Date.now() % 1_000_000;
  const random = randomFrom(seed);
  const some = [0, 1, 2, 3, 4, 6, 0x0a, 0x0d, 0x7f, 0x80, 0xff];
  let read = 0;
  let refused = 0;
  for (let i = 0; i < 6_000; i++) {
    const contents = FILES[random(FILES.length)]!.slice();
    for (let hurts = 1 + random(6); hurts > 0; hurts--) {
      const at = random(contents.length);
      if (random(3) === 0) contents[at]! ^= 1 << random(8);
      else if (random(2) === 0) contents[at] = some[random(some.length)]!;
      else contents.copyWithin(at & ~3, random(contents.length) & ~3, random(contents.length));
    }
    try {
      if (readDamaged(contents).error === undefined) read++;
      else refused++;
    } catch (error) {
      throw new Error(`seed ${seed}, file ${i}`, { cause: error });
    }
  }
  // All of one kind would mean that nothing was tested.
  expect(read).toBeGreaterThan(300);
  expect(refused).toBeGreaterThan(300);
});
