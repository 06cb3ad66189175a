/** Capture files of real programs: every frame, its time and its link type. */

import { expect, test } from "bun:test";
import { emptyKnock } from "../../../src/core/knock.ts";
import { decodeFrame } from "../../../src/decode/frame.ts";
import { GOLDEN_CAPTURES } from "../../golden/captures.ts";
import { readCapture } from "../../support/read-capture.ts";

/** Nanoseconds around 2026 in a double of milliseconds. */
const ROUNDING_MS = 0.000_5;

test.each(GOLDEN_CAPTURES.map((golden) => [golden.command, golden] as const))(
  "openCaptureFile() reads what was written by %s",
  (_command, golden) => {
    const { frames, remarks, error } = readCapture(golden.path, 2);
    expect(error).toBeUndefined();
    expect(remarks).toEqual([]);
    const knock = emptyKnock();
    const read = frames.map(({ linkType, bytes }) => {
      const view = new DataView(bytes.buffer);
      const isKnock = decodeFrame(linkType as never, view, 0, bytes.length, knock);
      return { linkType, port: isKnock ? knock.port : 0 };
    });
    expect(read).toEqual(golden.frames.map(({ linkType, port }) => ({ linkType, port })));
    for (const [i, { timeMs }] of frames.entries()) {
      const [seconds = "", fraction = ""] = golden.frames[i]!.time.split(".");
      const wanted = Number(seconds) * 1000 + Number(`0.${fraction}`) * 1000;
      expect(Math.abs(timeMs - wanted)).toBeLessThan(ROUNDING_MS);
    }
  },
);
