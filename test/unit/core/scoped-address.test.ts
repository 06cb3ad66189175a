/** Link-local addresses and the interfaces they need. */

import { expect, test } from "bun:test";
import { formatAddress } from "../../../src/core/address.ts";
import { lacksZone, parseScoped } from "../../../src/core/scoped-address.ts";

test.each([
  ["fe80::1%eth0", "fe80::1 eth0"],
  ["FE80::1%eth0.100", "fe80::1 eth0.100"],
  ["febf:ffff::1%wlp3s0", "febf:ffff::1 wlp3s0"],
  ["fe80::1%2", "fe80::1 2"],
  ["fe80::1%25eth0", "fe80::1 25eth0"], // a reader of links decodes before
  ["fe80::1%", "none"],
  ["fe80::1", "none"],
  ["fe80::1%a/b", "none"],
  ["fe80::1%a b", "none"],
  ["fe80::1%abcdefghijklmnop", "none"],
  ["fec0::1%eth0", "none"],
  ["2001:db8::1%eth0", "none"],
  ["10.0.0.1%eth0", "none"],
  ["gate%eth0", "none"],
])("parseScoped(%j) is %s", (text, expected) => {
  const scoped = parseScoped(text);
  expect(scoped === undefined ? "none" : `${formatAddress(scoped.address)} ${scoped.zone}`).toBe(
    expected,
  );
});

test.each([
  ["fe80::1", true],
  ["febf::1", true],
  ["fe7f::1", false],
  ["fec0::1", false],
  ["fe80::1%eth0", false],
  ["169.254.0.1", false],
  ["::1", false],
  ["gate", false],
])("lacksZone(%j) is %p", (text, expected) => {
  expect(lacksZone(text)).toBe(expected);
});
