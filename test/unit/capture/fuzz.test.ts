/** Damaged capture files, at random and on purpose: always a result or one sentence. */

import { expect, test } from "bun:test";
import { CAPTURES, DamagedFile, fuzzCaptures } from "../../support/fuzz-captures.ts";
import { rounds } from "../../support/rounds.ts";

test("a file cut at any byte hands out the first of its frames and ends, or is refused in its header", () => {
  using file = new DamagedFile();
  for (const contents of CAPTURES) {
    const whole = file.read(contents).frames;
    let before = 0;
    for (let length = 0; length <= contents.length; length++) {
      const { frames, error } = file.read(contents.slice(0, length));
      expect(frames).toEqual(whole.slice(0, frames.length));
      expect(frames.length).toBeGreaterThanOrEqual(before);
      if (error !== undefined && length >= 24) throw error;
      before = frames.length;
    }
    expect(before).toBe(whole.length);
  }
});

test("a file with bytes changed at random is read or refused in one sentence", () => {
  const files = rounds(6_000);
  const { read, refused } = fuzzCaptures(files, Date.now() % 1_000_000);
  expect(read).toBeGreaterThan(files / 20);
  expect(refused).toBeGreaterThan(files / 20);
});
