/** The alarm about most of a used knock from a second address: when it comes, and when not. */

import { describe, expect, test } from "bun:test";
import { formatAddress } from "../../../src/core/address.ts";
import { EchoWatch, findEcho } from "../../../src/data-plane/echo-watch.ts";
import { HitLog } from "../../../src/match/hit-log.ts";
import { DEFAULT_SPACE } from "../../../src/rks/space.ts";
import { device, knock, NOW, portsOf, seeded, SLOT } from "../../support/matcher.ts";
import { matchOf } from "../../support/daemon.ts";

const ALICE = device("ssh alice laptop");
const PORTS = portsOf(ALICE, SLOT);
const USER = "203.0.113.9";
const USE = matchOf(ALICE, SLOT, USER, NOW + 10);

function logOf(
  ...sent: readonly [source: string, ports: readonly number[], atMs?: number][]
): HitLog {
  const log = new HitLog(NOW - 60_000);
  for (const [source, ports, atMs = NOW] of sent) {
    for (const port of ports) log.note(knock(source, port, atMs));
  }
  return log;
}

function echoIn(log: HitLog): [string, number] | undefined {
  const echo = findEcho(USE, log);
  return echo && [formatAddress(echo.source), echo.heard];
}

describe("findEcho()", () => {
  test("names the other address that hit most ports, of either family", () => {
    expect(echoIn(logOf([USER, PORTS], ["198.51.100.7", PORTS.slice(2)]))).toEqual([
      "198.51.100.7",
      6,
    ]);
    expect(
      echoIn(
        logOf(["198.51.100.7", PORTS.slice(3)], ["2001:db8::7", PORTS.slice(1)], [USER, PORTS]),
      ),
    ).toEqual(["2001:db8::7", 7]);
  });

  test("is silent about the user's own copies, and about no more than half", () => {
    expect(echoIn(logOf([USER, PORTS], [USER, PORTS]))).toBeUndefined();
    expect(echoIn(logOf([USER, PORTS], ["198.51.100.7", PORTS.slice(4)]))).toBeUndefined();
  });

  test("is silent about ports that came another time, or by another protocol", () => {
    expect(echoIn(logOf(["198.51.100.7", PORTS, NOW - 30_000]))).toBeUndefined();
    const udp = new HitLog(NOW);
    for (const port of PORTS) udp.note(knock("198.51.100.7", port, NOW, "udp"));
    expect(echoIn(udp)).toBeUndefined();
  });

  test("is silent about accidents: short sequences in a narrow range, and a scan beside them", () => {
    const space = { ...DEFAULT_SPACE, ports: 3, lo: 20_000, hi: 20_999 };
    const subject = device("ssh bob phone", space);
    const ports = portsOf(subject, SLOT);
    const log = new HitLog(NOW);
    const scan = Array.from({ length: 100 }, (_, i) => 20_000 + i * 10);
    for (const port of [...ports.slice(0, 2), ...scan]) log.note(knock("198.51.100.7", port, NOW));
    expect(findEcho(matchOf(subject, SLOT, USER, NOW), log)).toBeUndefined();
  });

  test("is silent about a crowd of random knocks", () => {
    const random = seeded(3);
    const log = new HitLog(NOW);
    for (let source = 0; source < 1_000; source++) {
      for (let i = 0; i < 128; i++) {
        const port = 20_000 + Math.floor(random() * 32_768);
        log.note(knock(`198.18.${source >> 8}.${source & 255}`, port, NOW));
      }
    }
    expect(echoIn(log)).toBeUndefined();
  });
});

describe("EchoWatch", () => {
  test("looks at a use once, one window after it was made", () => {
    const watch = new EchoWatch();
    const log = logOf(["198.51.100.7", PORTS]);
    watch.expect(USE, 5_000);
    expect(watch.nextDueMs).toBe(15_000);
    expect([watch.isDue(14_999), watch.next(14_999, log)]).toEqual([false, undefined]);
    expect(watch.next(15_000, log)?.echo).toMatchObject({ heard: 8, ports: 8 });
    expect(watch.next(60_000, log)).toBeUndefined();
    expect(watch.nextDueMs).toBe(Infinity);
  });

  test("takes no more uses than it has room for", () => {
    const watch = new EchoWatch();
    for (let i = 0; i < 10_000; i++) watch.expect(USE, 0);
    let looked = 0;
    const log = logOf();
    while (watch.next(60_000, log) !== undefined) looked++;
    expect(looked).toBe(4_096);
  });
});
