/** The profile link: every profile survives it, every broken one is refused without being quoted. */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { ExitCode, SallyportError } from "../../../src/core/errors.ts";
import { lacksZone } from "../../../src/core/scoped-address.ts";
import { encodeBase32 } from "../../../src/rks/base32.ts";
import { formatProfileLink, parseProfileLink } from "../../../src/rks/profile-link.ts";
import type { Profile } from "../../../src/rks/profile-link.ts";
import { rounds } from "../../support/rounds.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
const TEXT = encodeBase32(KEY);

const DEFAULT: Profile = {
  user: "alice",
  host: "gate.example.net",
  door: "ssh",
  key: KEY,
  lo: 20_000,
  hi: 52_767,
  ports: 8,
  stepSeconds: 30,
  proto: "tcp",
  opens: [],
};

describe("formatProfileLink()", () => {
  test("writes the key and nothing that is at its default", () => {
    expect(formatProfileLink(DEFAULT)).toBe(`rks1://alice@gate.example.net/ssh?key=${TEXT}`);
  });

  test("writes everything that is not", () => {
    const profile: Profile = {
      ...DEFAULT,
      user: "alice/laptop",
      host: "2001:db8::1",
      lo: 1_024,
      hi: 65_535,
      ports: 9,
      stepSeconds: 60,
      proto: "udp",
      opens: [
        { proto: "tcp", from: 22, to: 22 },
        { proto: "udp", from: 60_000, to: 60_010 },
      ],
    };
    expect(formatProfileLink(profile)).toBe(
      `rks1://alice%2Flaptop@[2001:db8::1]/ssh?key=${TEXT}&lo=1024&hi=65535&n=9&step=60&proto=udp` +
        "&opens=22/tcp,60000-60010/udp",
    );
  });
});

const name = fc.stringMatching(/^[^\s/\p{Cc}]{1,20}$/u).filter((text) => text.isWellFormed());
const port = fc.integer({ min: 1, max: 65_535 });
const profiles: fc.Arbitrary<Profile> = fc.record({
  user: fc.oneof(
    name,
    fc.tuple(name, name).map((parts) => parts.join("/")),
  ),
  host: fc.oneof(
    fc.domain(),
    fc.ipV4(),
    fc.ipV6().filter((text) => !text.includes(".") && !lacksZone(text)),
    fc.constantFrom("gate", "gate-1.lan", "::1", "xn--bcher-kva.example"),
    fc.constantFrom(
      "fe80::1%eth0",
      "fe80::a:b%br-lan.7",
      "fe80::1%25",
      "fe80::1%3",
      "fe80::1%wlü0",
    ),
  ),
  door: fc.stringMatching(/^[a-z0-9-]{1,63}$/),
  key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  lo: fc.integer({ min: 1, max: 30_000 }),
  hi: fc.integer({ min: 31_000, max: 65_535 }),
  ports: fc.integer({ min: 3, max: 16 }),
  stepSeconds: fc.integer({ min: 10, max: 300 }),
  proto: fc.constantFrom("tcp" as const, "udp" as const),
  opens: fc.array(
    fc.tuple(port, port, fc.constantFrom("tcp" as const, "udp" as const)).map(([a, b, proto]) => ({
      proto,
      from: Math.min(a, b),
      to: Math.max(a, b),
    })),
    { maxLength: 4 },
  ),
});

describe("parseProfileLink()", () => {
  test("reads back every profile that formatProfileLink() writes", () => {
    fc.assert(
      fc.property(profiles, (profile) => {
        expect(parseProfileLink(formatProfileLink(profile))).toEqual(profile);
      }),
      { numRuns: rounds(1_000) },
    );
  });

  test("reads the example of docs/rks.md, either case of key and scheme, blanks around it", () => {
    const link = `rks1://alice@gate.example.net/ssh?key=${TEXT}&lo=20000&hi=52767&n=8&step=30&proto=tcp&opens=22/tcp`;
    const expected = { ...DEFAULT, opens: [{ proto: "tcp" as const, from: 22, to: 22 }] };
    expect(parseProfileLink(link)).toEqual(expected);
    expect(parseProfileLink(` ${link.replace(TEXT, TEXT.toLowerCase())}\n`)).toEqual(expected);
    expect(parseProfileLink(link.replace("rks1", "RKS1"))).toEqual(expected);
  });

  test.each([
    ["as RFC 6874 has it", "[fe80::1%25eth0]", "fe80::1%eth0"],
    ["raw, as people paste it", "[fe80::1%eth0]", "fe80::1%eth0"],
    ["with an escape in it", "[fe80::1%25eth0%2E7]", "fe80::1%eth0.7"],
    ["of a number", "[fe80::1%253]", "fe80::1%3"],
    ["of the number 25, raw", "[fe80::1%25]", "fe80::1%25"],
    ["of the number 25", "[fe80::1%2525]", "fe80::1%25"],
  ])("reads the zone of a link-local address %s", (_, host, expected) => {
    expect(parseProfileLink(`rks1://alice@${host}/ssh?key=${TEXT}`).host).toBe(expected);
  });

  test("writes a zone as RFC 6874 has it", () => {
    const scoped = formatProfileLink({ ...DEFAULT, host: "fe80::1%eth0" });
    expect(scoped).toStartWith("rks1://alice@[fe80::1%25eth0]/ssh?");
  });

  const link = (parts: { head?: string; query?: string }) =>
    `${parts.head ?? "rks1://alice@gate.example.net/ssh"}?${parts.query ?? `key=${TEXT}`}`;
  const broken: [string, string, RegExp][] = [
    ["another scheme", link({ head: "https://alice@gate/ssh" }), /it looks like rks1:\/\//],
    ["no user", link({ head: "rks1://gate/ssh" }), /it looks like rks1:\/\//],
    ["no query", "rks1://alice@gate/ssh", /it looks like rks1:\/\//],
    ["a user with two slashes", link({ head: "rks1://a%2Fb%2Fc@gate/ssh" }), /its user/],
    ["a broken escape", link({ head: "rks1://a%zz@gate/ssh" }), /its user/],
    ["a user with a blank", link({ head: "rks1://a%20b@gate/ssh" }), /its user/],
    ["a port after the host", link({ head: "rks1://alice@gate:22/ssh" }), /it looks like rks1/],
    ["an IPv6 address without brackets", link({ head: "rks1://alice@fe80::1/ssh" }), /looks like/],
    ["an IPv4 address in brackets", link({ head: "rks1://alice@[192.0.2.1]/ssh" }), /its host/],
    ["a link-local address alone", link({ head: "rks1://alice@[fe80::1]/ssh" }), /%25eth0/],
    ["an empty zone", link({ head: "rks1://alice@[fe80::1%]/ssh" }), /its host is not one/],
    ["a broken zone", link({ head: "rks1://alice@[fe80::1%25%zz]/ssh" }), /its host is not one/],
    ["a zone too many", link({ head: "rks1://alice@[fd00::1%25eth0]/ssh" }), /its host is not one/],
    ["an impossible address", link({ head: "rks1://alice@192.0.2.256/ssh" }), /its host/],
    ["an impossible name", link({ head: "rks1://alice@-gate-/ssh" }), /its host/],
    ["a door in upper case", link({ head: "rks1://alice@gate/SSH" }), /its door/],
    ["no key", link({ query: "lo=20000" }), /it has no key/],
    ["a short key", link({ query: `key=${TEXT.slice(2)}` }), /its key is not 32 bytes/],
    ["a key with a wrong letter", link({ query: `key=1${TEXT.slice(1)}` }), /its key is not/],
    ["two keys", link({ query: `key=${TEXT}&key=${TEXT}` }), /its "key" stands twice/],
    ["an unknown parameter", link({ query: `key=${TEXT}&stpe=60` }), /does not know/],
    ["the key as a parameter", link({ query: `${TEXT}=key` }), /does not know/],
    ["too few ports", link({ query: `key=${TEXT}&n=2` }), /its "n".* from 3 to 16/],
    ["a step of words", link({ query: `key=${TEXT}&step=30s` }), /its "step".* from 10 to 300/],
    ["the key as a number", link({ query: `key=${TEXT}&lo=${TEXT}` }), /its "lo"/],
    ["a narrow range", link({ query: `key=${TEXT}&lo=20000&hi=20998` }), /1000 or more/],
    ["a range backwards", link({ query: `key=${TEXT}&lo=52767&hi=20000` }), /1000 or more/],
    ["another protocol", link({ query: `key=${TEXT}&proto=${TEXT}` }), /its "proto"/],
    ["opens that are no ports", link({ query: `key=${TEXT}&opens=${TEXT}` }), /its "opens"/],
    ["a fragment", link({ query: `key=${TEXT}#n=9` }), /it looks like rks1/],
  ];

  test.each(broken)("refuses %s with a usage error that quotes nothing", (_, text, reason) => {
    const error = (() => {
      try {
        parseProfileLink(text);
      } catch (thrown) {
        return thrown;
      }
      return undefined;
    })();
    expect(error).toBeInstanceOf(SallyportError);
    const { message, exitCode, cause } = error as SallyportError;
    expect(message).toMatch(reason);
    expect(exitCode).toBe(ExitCode.usage);
    expect(cause).toBeUndefined();
    for (let i = 0; i + 8 <= TEXT.length; i++) expect(message).not.toContain(TEXT.slice(i, i + 8));
    expect(message).not.toContain("alice@gate");
  });

  test("never throws anything but its own error, whatever it is given", () => {
    const pieces = fc.constantFrom(
      "rks1://",
      "a",
      "@",
      "[",
      "]",
      "/",
      "?",
      "key=",
      TEXT,
      "&",
      "%",
      "#",
      "é",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        try {
          parseProfileLink(parts.join(""));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(SallyportError);
          expect((thrown as Error).message).not.toContain(TEXT);
        }
      }),
      { numRuns: rounds(2_000) },
    );
  });
});
