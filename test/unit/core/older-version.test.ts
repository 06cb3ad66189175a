/** Versions of kernels and libraries, as they write them. */

import { expect, test } from "bun:test";
import { isOlderVersion } from "../../../src/core/older-version.ts";

test.each([
  ["5.4.0-42-generic", "5.10", true],
  ["5.10.0-30-amd64", "5.10", false],
  ["5.10", "5.10.1", true],
  ["6.18.44", "5.9", false],
  ["4.18.0-553.el8.x86_64", "5.9", true],
  ["6.1-rc4", "6.1", false],
  ["0.9.8", "1.0.6", true],
  ["1.0.6", "1.0.6", false],
  ["1.1.3", "1.0.6", false],
  ["odd", "1.0", true],
] as const)(
  "isOlderVersion() says of %s whether it comes before %s: %s",
  (found, wanted, older) => {
    expect(isOlderVersion(found, wanted)).toBe(older);
  },
);
