/** A link typed at a terminal in raw mode, key by key. */

import { expect, test } from "bun:test";
import { typeKeys } from "../../../src/client/read-link.ts";
import type { TypedLine } from "../../../src/client/read-link.ts";

const type = (...chunks: string[]) => {
  const empty: TypedLine = { text: "", ended: "no" };
  return chunks.reduce(typeKeys, empty);
};

test.each([
  ["typed letters", ["r", "ks"], { text: "rks", ended: "no" }],
  ["a pasted line", ["rks1://x\r"], { text: "rks1://x", ended: "yes" }],
  ["two pasted lines", ["one\rtwo\r"], { text: "one\ntwo", ended: "yes" }],
  ["a pasted line end", ["one\r\n"], { text: "one", ended: "yes" }],
  [
    "a paste that the terminal marks, in pieces",
    ["\x1b[200~one\r", "two\r\x1b[201~", "\r"],
    { text: "one\ntwo\n", ended: "yes" },
  ],
  ["backspace", ["abc\x7f\x7fd\n"], { text: "ad", ended: "yes" }],
  ["backspace at the start", ["\x7f\x08a\r"], { text: "a", ended: "yes" }],
  ["control-U", ["wrong\x15right\r"], { text: "right", ended: "yes" }],
  ["control-D", ["abc\x04"], { text: "abc", ended: "yes" }],
  ["control-Z, which stops and is no text", ["ab\x1ac\r"], { text: "abc", ended: "yes" }],
  ["control-C", ["secret\x03"], { text: "", ended: "interrupted" }],
  [
    "a paste whose marks come in pieces",
    [...Array.from("\x1b[200~one\rtwo\x1b[201~"), "\r"],
    { text: "one\ntwo", ended: "yes" },
  ],
  ["an escape that begins no mark", ["a\x1b", "b\r"], { text: "a\x1bb", ended: "yes" }],
] as const)("typeKeys() takes %s", (_, chunks, expected) => {
  expect(type(...chunks)).toEqual(expected);
});
