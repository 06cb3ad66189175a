/** The addresses that no packet from outside reaches, however they are written. */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { addressFromBytes, isLoopback, parseAddress } from "../../../src/core/address.ts";

const octet = fc.integer({ min: 0, max: 255 });
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

describe("isLoopback()", () => {
  test.each([
    ["127.0.0.1", true],
    ["127.255.255.255", true],
    ["126.255.255.255", false],
    ["128.0.0.1", false],
    ["0.0.0.0", false],
    ["::1", true],
    ["::", false],
    ["::2", false],
    ["::127.0.0.1", false],
    ["::ffff:127.0.0.1", true],
    ["::ffff:127.3.2.1", true],
    ["::ffff:192.0.2.1", false],
    ["::1:ffff:127.0.0.1", false],
    ["fe80::1", false],
  ])("of %s is %s", (text, expected) => {
    expect(isLoopback(parseAddress(text)!)).toBe(expected);
  });

  test("holds 127.0.0.0/8 and nothing else of IPv4", () => {
    fc.assert(
      fc.property(fc.tuple(fc.oneof(fc.constant(127), octet), octet, octet, octet), (bytes) => {
        expect(isLoopback(addressFromBytes(Uint8Array.from(bytes)))).toBe(bytes[0] === 127);
      }),
    );
  });

  test("is the same for an IPv4 address and for that address mapped into IPv6", () => {
    fc.assert(
      fc.property(fc.tuple(fc.oneof(fc.constant(127), octet), octet, octet, octet), (bytes) => {
        const own = addressFromBytes(Uint8Array.from(bytes));
        const mapped = addressFromBytes(Uint8Array.from([...MAPPED, ...bytes]));
        expect(isLoopback(mapped)).toBe(isLoopback(own));
      }),
    );
  });

  test("holds ::1 and mapped addresses alone of IPv6", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        fc.pre(!MAPPED.every((byte, i) => bytes[i] === byte));
        const isOne = bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
        expect(isLoopback(addressFromBytes(bytes))).toBe(isOne);
      }),
    );
  });
});
