/** The proof that ends a probation, and the file that carries a probation over a restart. */

import { describe, expect, test } from "bun:test";
import { rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { parseAddress } from "../../../../src/core/address.ts";
import { ProbationFile } from "../../../../src/control-plane/guard/probation-file.ts";
import { Probation } from "../../../../src/control-plane/guard/probation.ts";
import type { Session } from "../../../../src/firewall/sessions.ts";
import { run } from "../../../support/programs.ts";
import { grantOf, NOW, opened, StateFolder } from "../../../support/store.ts";

function session(peer: string, peerPort: number): Session {
  return { local: parseAddress("10.77.0.1")!, localPort: 22, peer: parseAddress(peer)!, peerPort };
}

const OLD = session("203.0.113.7", 40_000);
const NO_KNOCK = "no door was opened by a knock since it began";
const NO_SESSION = "no new connection from an address that knocked is alive";

describe("Probation.missing()", () => {
  const cases: readonly (readonly [string, string, string[], Session[], string | undefined])[] = [
    ["nobody knocked", "rotating", [], [session("203.0.113.7", 50_000)], NO_KNOCK],
    ["a hand opened", "hand", ["203.0.113.7"], [session("203.0.113.7", 50_000)], NO_KNOCK],
    ["nobody connected", "rotating", ["203.0.113.7"], [], NO_SESSION],
    ["only the old session lives", "rotating", ["203.0.113.7"], [OLD], NO_SESSION],
    ["another address connected", "fixed", ["203.0.113.7"], [session("9.9.9.9", 1)], NO_SESSION],
    ["a knocker connected", "fixed", ["203.0.113.7"], [OLD, session("203.0.113.7", 5)], undefined],
    [
      "a neighbour in the opened /64 connected",
      "rotating",
      ["2001:db8:0:7::/64"],
      [session("2001:db8:0:7::99", 5)],
      undefined,
    ],
    [
      "a neighbour of a single IPv6 address connected",
      "rotating",
      ["2001:db8:0:7::1"],
      [session("2001:db8:0:7::99", 5)],
      NO_SESSION,
    ],
  ];

  test.each(cases)("judges: %s", (_, via, knockers, sessions, missing) => {
    const probation = new Probation(NOW, [OLD]);
    for (const address of knockers) {
      probation.hear(opened(NOW, grantOf(address, { via: via as "rotating" | "fixed" | "hand" })));
    }
    expect(probation.missing(sessions)).toBe(missing as never);
  });
});

describe("ProbationFile", () => {
  const HOUR_MS = 3_600_000;

  test("leftMs() tells permanent from running and from lapsed, in a new process too", () => {
    using folder = new StateFolder();
    const file = () => new ProbationFile(folder.path);
    expect(file().leftMs(NOW)).toBeUndefined();
    file().begin(NOW, 120_000.4);
    expect([0, 119_000, 120_000, 9e9].map((ms) => file().leftMs(NOW + ms))).toEqual([
      120_000, 1_000, 0, 0,
    ]);
    expect(statSync(folder.file("probation")).mode & 0o777).toBe(0o600);
    file().end();
    file().end();
    expect(file().leftMs(NOW)).toBeUndefined();
  });

  test("leftMs() takes what it cannot read for lapsed, so that it locks nobody out", () => {
    using folder = new StateFolder();
    for (const text of ["", "soon\n", "Infinity", "\0\0\0\0"]) {
      writeFileSync(folder.file("probation"), text);
      expect(new ProbationFile(folder.path).leftMs(NOW)).toBe(0);
    }
  });

  test("leftMs() takes a pipe or a link in its place for lapsed, and waits for neither", () => {
    using folder = new StateFolder();
    run(["mkfifo", folder.file("probation")]);
    expect(new ProbationFile(folder.path).leftMs(NOW)).toBe(0);
    rmSync(folder.file("probation"));
    symlinkSync("/etc/passwd", folder.file("probation"));
    expect(new ProbationFile(folder.path).leftMs(NOW)).toBe(0);
  });

  test("leftMs() is at most what it was begun for, however far the clock was set back", () => {
    using folder = new StateFolder();
    const file = new ProbationFile(folder.path);
    file.begin(NOW, 120_000);
    expect(file.leftMs(NOW - 900 * HOUR_MS)).toBe(120_000);
    // A machine that boots in 1970 does not guard again a probation that nobody confirmed in time.
    file.begin(NOW, 0);
    expect([NOW, 100_000].map((ms) => file.leftMs(ms))).toEqual([0, 0]);
  });

  test("leftMs() reads what an earlier sallyport wrote, and believes it for a day at most", () => {
    using folder = new StateFolder();
    writeFileSync(folder.file("probation"), `${NOW + 1_000}\n`);
    const file = new ProbationFile(folder.path);
    expect([NOW, NOW - 900 * HOUR_MS].map((ms) => file.leftMs(ms))).toEqual([1_000, 24 * HOUR_MS]);
  });
});
