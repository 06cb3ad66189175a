/** The converter behind docs/demo.svg. */

import { expect, test } from "bun:test";
import { styledRuns, terminalPicture } from "../../../scripts/terminal-picture.ts";

const plain = { bold: false, dim: false, colour: undefined };

test("styledRuns() tells the column and style of each piece, and carries a style over a line's end", () => {
  expect(styledRuns("a \x1b[32m✓\x1b[39m b\r\n\x1b[1mc\r\nd\x1b[22m e\r\n")).toEqual([
    [
      { ...plain, text: "a ", at: 0 },
      { ...plain, text: "✓", at: 2, colour: 32 },
      { ...plain, text: " b", at: 3 },
    ],
    [{ ...plain, text: "c", at: 0, bold: true }],
    [
      { ...plain, text: "d", at: 0, bold: true },
      { ...plain, text: " e", at: 1 },
    ],
  ]);
});

test("styledRuns() refuses a style it cannot draw, instead of leaving it out", () => {
  expect(() => styledRuns("\x1b[45mpink")).toThrow("no style 45");
});

test("terminalPicture() escapes what SVG would take for its own, and keeps blanks apart", () => {
  const picture = terminalPicture("a <b> &  c", "x < y");
  expect(picture).toContain(">a &lt;b&gt; &amp;\u00a0\u00a0c</text>");
  expect(picture).toContain("<title>x &lt; y</title>");
});
