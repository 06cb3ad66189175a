/**
 * Attributes and errors of netlink: no kernel, and no sender in its name, can make us read too far.
 */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  behind,
  bytesOf,
  findAttribute,
  textOf,
  within,
} from "../../../../src/native/netlink/attributes.ts";
import {
  errorCode,
  errorText,
  isBetween,
  messages,
  NLM_F,
} from "../../../../src/native/netlink/message.ts";
import { MessageWriter } from "../../../../src/native/netlink/message-writer.ts";
import { rounds } from "../../../support/rounds.ts";

describe("within()", () => {
  const writer = new MessageWriter();
  writer.begin(1, 0, 1, new Uint8Array(4));
  writer.u8(7, 9);
  writer.attribute(8, new TextEncoder().encode("name\0rest"));
  const view = new DataView(writer.bytes.buffer);
  const [message] = messages(view, writer.length);
  const attributes = behind(message!, 4)!;

  test("finds a value and its length", () => {
    expect(bytesOf(view, within(view, attributes, 7)!)).toEqual(Uint8Array.of(9));
    expect(textOf(view, within(view, attributes, 8)!)).toBe("name");
  });

  test("finds none that is shorter than what is going to be read", () => {
    expect(within(view, attributes, 7, 1)).toBeDefined();
    expect(within(view, attributes, 7, 2)).toBeUndefined();
  });
});

test("behind() is undefined for a message that ends before its fixed header", () => {
  expect(behind({ at: 16, end: 27 }, 12)).toBeUndefined();
  expect(behind({ at: 16, end: 28 }, 12)).toEqual({ at: 28, end: 28 });
  expect(behind({ at: 16, end: 25 }, 9)).toEqual({ at: 25, end: 25 });
});

test.each([
  [5, 5, 7, true],
  [7, 5, 7, true],
  [4, 5, 7, false],
  [8, 5, 7, false],
  [0, 0xffff_fffe, 1, true],
  [0xffff_fffd, 0xffff_fffe, 1, false],
])("isBetween(%d, %d, %d) is %p", (sequence, first, last, expected) => {
  expect(isBetween(sequence, first, last)).toBe(expected);
});

test("nothing is read past the end of a datagram, whatever stands in it", () => {
  const datagram = fc.uint8Array({ minLength: 0, maxLength: 96 });
  fc.assert(
    fc.property(datagram, fc.nat(96), fc.nat(3), (bytes, length, type) => {
      // The view ends where the datagram does, so that a read past it throws.
      const end = Math.min(length, bytes.length);
      const view = new DataView(bytes.buffer, bytes.byteOffset, end);
      for (const message of messages(view, end)) {
        errorCode(view, message);
        errorText(view, { ...message, flags: NLM_F.ACK_TLVS | (message.flags & NLM_F.CAPPED) });
        const attributes = behind(message, 4);
        const found = attributes && within(view, attributes, type, 2);
        if (found !== undefined) view.getUint16(found.at);
        findAttribute(view, message.at, message.end, type);
      }
    }),
    { numRuns: rounds(20_000) },
  );
});
