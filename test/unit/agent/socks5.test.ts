/** SOCKS5 as bytes: whole, in pieces, and anything at all. */

import { describe, expect, test } from "bun:test";
import { assert, constant, oneof, property, uint8Array } from "fast-check";
import { readGreeting, readRequest, socks5Failure } from "../../../src/agent/socks5.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);
const text = (value: string) => [...Buffer.from(value, "latin1")];
const domain = (name: string, port: number) =>
  bytes(5, 1, 0, 3, name.length, ...text(name), port >> 8, port & 255);

describe("readGreeting()", () => {
  test("takes a program that can do without logging in", () => {
    expect(readGreeting(bytes(5, 2, 2, 0, 9))).toEqual({
      kind: "whole",
      value: bytes(5, 0),
      length: 4,
    });
  });

  test.each([[[5, 0]], [[5, 1, 2]], [[5, 2, 1, 2]]])(
    "refuses %p, which wants to log in",
    (sent) => {
      expect(readGreeting(bytes(...sent))).toMatchObject({
        kind: "broken",
        answer: bytes(5, 0xff),
      });
    },
  );
});

describe("readRequest()", () => {
  test.each([
    [domain("gate.example", 443), "gate.example", 443],
    [bytes(5, 1, 0, 1, 192, 0, 2, 1, 0, 22), "192.0.2.1", 22],
    [
      bytes(5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 187),
      "2001:db8::1",
      443,
    ],
  ])("reads %p", (sent, host, port) => {
    expect(readRequest(sent)).toEqual({
      kind: "whole",
      value: { host, port },
      length: sent.length,
    });
    for (let length = 0; length < sent.length; length++) {
      expect(readRequest(sent.subarray(0, length))).toEqual({ kind: "more" });
    }
    const { length } = sent;
    expect(readRequest(Buffer.concat([sent, bytes(22, 3)]))).toMatchObject({ length });
  });

  test.each([
    ["BIND", bytes(5, 2, 0, 1, 192, 0, 2, 1, 0, 22), 7],
    ["UDP ASSOCIATE", bytes(5, 3, 0, 1, 0, 0, 0, 0, 0, 0), 7],
    ["an unknown type of address", bytes(5, 1, 0, 2, 1, 2), 8],
    ["another version", bytes(4, 1, 0, 1, 1), 1],
    ["port 0", bytes(5, 1, 0, 1, 192, 0, 2, 1, 0, 0), 1],
    ["an empty name", domain("", 22), 1],
    ["a name with a line end", domain("a\nb", 22), 1],
    ["a name with a zero", domain("gate\0.example", 22), 1],
  ])("refuses %s with the right code", (_, sent, code) => {
    const read = readRequest(sent);
    expect(read.kind === "broken" && [...read.answer]).toEqual([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
  });
});

test("socks5Failure() has a code for each kind", () => {
  const kinds = ["forbidden", "silent", "refused", "failed"] as const;
  expect(kinds.map((kind) => socks5Failure(kind)[1])).toEqual([2, 4, 5, 1]);
});

test("whatever is sent, no reader throws, reads past a message, or takes one for another when it goes on", () => {
  const some = oneof(
    uint8Array({ maxLength: 300 }),
    uint8Array({ maxLength: 30 }).map((rest) => Uint8Array.of(5, 1, 0, ...rest)),
    constant(domain("gate.example", 443)),
  );
  assert(
    property(some, uint8Array({ maxLength: 8 }), (sent, more) => {
      for (const read of [readGreeting, readRequest]) {
        const said = read(sent);
        if (said.kind === "more") {
          expect(sent.length).toBeLessThan(263);
        } else {
          expect(read(Buffer.concat([sent, more]))).toEqual(said);
          if (said.kind === "whole") expect(said.length).toBeLessThanOrEqual(sent.length);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});
