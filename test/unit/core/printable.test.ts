/** Text of others that is to reach a terminal. */

import { expect, test } from "bun:test";
import {
  printable,
  printableJson,
  printableLines,
  printableQuote,
} from "../../../src/core/printable.ts";

const ODD = "a\u001B[2J\r\n\tb\u009B\u2066c\u007F";

test("printable() leaves one line, and words of any script", () => {
  expect(printable(ODD)).toBe("a�[2J���b��c�");
  expect(printable("café 門 — 😀")).toBe("café 門 — 😀");
});

test("printableLines() leaves line breaks and tabs, and no carriage return", () => {
  expect(printableLines(ODD)).toBe("a�[2J�\n\tb��c�");
});

test("printableQuote() lets no line but the first begin at the margin", () => {
  expect(printableQuote("a\nb\n  c\r\nd")).toBe("a\n  b\n    c�\n  d");
});

test("printableJson() is JSON of the same value without a control character", () => {
  const text = printableJson({ [ODD]: ODD });
  expect(JSON.parse(text)).toEqual({ [ODD]: ODD });
  expect(text).not.toMatch(/\p{Cc}|\p{Bidi_Control}/u);
});
