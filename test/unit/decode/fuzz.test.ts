/** Damaged frames of every link type: the decoder against its slow reference. */

import { expect, test } from "bun:test";
import { LinkType } from "../../../src/core/link-type.ts";
import { emptyKnock } from "../../../src/core/knock.ts";
import { decodeFrame } from "../../../src/decode/frame.ts";
import { fuzzDecode } from "../../support/fuzz-decode.ts";
import { frame, ipv6, options6, tcp } from "../../support/frames.ts";
import { validFrame } from "../../support/fuzz-frames.ts";
import { randomFrom } from "../../support/random.ts";
import { referenceDecode } from "../../support/reference-decoder.ts";
import { rounds } from "../../support/rounds.ts";

test("decodeFrame() agrees with the reference on damaged frames of every link type", () => {
  const seed = Date.now() % 1_000_000;
  const frames = rounds(200_000);
  const { knocks } = fuzzDecode(frames, seed);
  // Both sides saying "unknown" to everything would agree as well.
  expect(knocks).toBeGreaterThan(frames / 10);
});

test("validFrame() makes knocks of every link type, so that the fuzzing means something", () => {
  const random = randomFrom(1);
  const seen = new Set<number>();
  for (let i = 0; i < 2_000; i++) {
    const { linkType, bytes } = validFrame(random);
    if (referenceDecode(linkType, bytes) !== undefined) seen.add(linkType);
  }
  expect(seen).toEqual(new Set<number>(Object.values(LinkType)));
});

test("decodeFrame() cut at every byte says knock only when the whole header is there", () => {
  const packet = ipv6("fd00::1", "fd00::2", tcp(7000), [options6(0), options6(60, 2)]);
  const whole = frame(LinkType.ethernet, packet, { tags: [0x88a8, 0x8100] });
  const view = new DataView(whole.buffer);
  const answers = Array.from({ length: whole.length + 1 }, (_, length) =>
    decodeFrame(LinkType.ethernet, view, 0, length, emptyKnock()),
  );
  expect(answers.indexOf(true)).toBe(whole.length);
});

test("decodeFrame() allocates nothing", () => {
  const knock = emptyKnock();
  const frames = [LinkType.ethernet, LinkType.cooked2, LinkType.raw].map((linkType) => {
    const packet = ipv6("fd00::1", "fd00::2", tcp(7000), [options6(0)]);
    return { linkType, view: new DataView(frame(linkType, packet).buffer) };
  });
  const round = () => {
    let knocks = 0;
    for (let i = 0; i < 300_000; i++) {
      const { linkType, view } = frames[i % 3]!;
      if (decodeFrame(linkType, view, 0, view.byteLength, knock)) knocks++;
    }
    return knocks;
  };
  round();
  Bun.gc(true);
  const before = process.memoryUsage().heapUsed;
  expect(round()).toBe(300_000);
  // One object a frame would be 5 MB or more.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(1024 * 1024);
});
