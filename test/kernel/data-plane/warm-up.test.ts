/** The warm-up plays its knocks, and leaves nothing behind, in the kernel either. */

import { afterAll, expect, test } from "bun:test";
import { formatAddress } from "../../../src/core/address.ts";
import { formatPort, formatPortRange } from "../../../src/core/port.ts";
import { WarmUp } from "../../../src/data-plane/warm-up.ts";
import { RecordingFirewall } from "../../../src/firewall/recorder.ts";
import { freshUse, grantsOf, guard, request } from "../../support/firewall.ts";
import { Lab } from "../../support/lab.ts";
import { HandClock } from "../../support/daemon.ts";

const lab = new Lab();
afterAll(() => lab[Symbol.dispose]());

/** Plays it to its end. Returns how many steps it took. */
function play(warmUp: WarmUp, knocks: number): number {
  let steps = 1;
  while (warmUp.step(knocks)) steps++;
  return steps;
}

test("WarmUp.step() plays every knock as far as the firewall, for nobody and for a moment", () => {
  const clock = new HandClock();
  const firewall = new RecordingFirewall(() => clock.monotonicMs());
  const steps = play(new WarmUp(firewall, clock), 10);
  expect(firewall.opened).toHaveLength(steps * 10);
  const kinds = firewall.opened.map(({ address, ports, openMs, use }) =>
    [address.a0 >>> 24, ports.map(formatPortRange), openMs, use?.forMs].join(" "),
  );
  expect([...new Set(kinds)]).toEqual(["0 1/tcp 100 100"]);
  // Like most real knocks: from an address without a grant.
  const sources = new Set(firewall.opened.map(({ address }) => formatAddress(address)));
  expect(sources.size).toBe(firewall.opened.length);
  expect(firewall.opened.every(({ fresh }) => fresh)).toBe(true);
  clock.nowMs += 100;
  expect([firewall.list(), firewall.uses()]).toEqual([[], []]);
});

test("WarmUp.again() plays a few more knocks, none of which was played before", () => {
  const firewall = new RecordingFirewall(() => 0);
  const warmUp = new WarmUp(firewall, new HandClock());
  play(warmUp, 100);
  const first = firewall.opened.length;
  expect(warmUp.step(100)).toBe(false);
  expect(firewall.opened).toHaveLength(first);
  warmUp.again();
  play(warmUp, 7);
  const again = firewall.opened.length - first;
  expect(again).toBeGreaterThan(0);
  expect(again).toBeLessThan(first / 10);
  expect(new Set(firewall.opened.map(({ use }) => use!.id.toHex())).size).toBe(first + again);
});

test("WarmUp.step() ends with the first knock that the kernel refuses", () => {
  const firewall = new RecordingFirewall(() => 0);
  let tries = 0;
  firewall.open = () => {
    tries++;
    throw new Error("full");
  };
  expect(new WarmUp(firewall, new HandClock()).step(10)).toBe(false);
  // Copies of the knock that completed it count as tries of their own.
  expect(tries).toBeLessThanOrEqual(2);
});

test("WarmUp leaves the kernel's grants and uses as they were", async () => {
  guard(lab);
  using firewall = grantsOf(lab);
  const use = freshUse();
  firewall.open(request("203.0.113.7", { use }));
  play(new WarmUp(firewall, new HandClock()), 100);
  const own = () =>
    firewall
      .list()
      .map(({ address, port }) => [formatAddress(address), formatPort(port)].join(" "));
  // The kernel does not report an expiry: the test must look.
  while (firewall.uses().length > 1 || own().length > 1) await Bun.sleep(20);
  expect(own()).toEqual(["203.0.113.7 2222/tcp"]);
  expect(firewall.uses().map((id) => id.toHex())).toEqual([use.id.toHex()]);
  expect(lab.run("server", ["nft", "list", "ruleset"]).out).not.toContain("warmUp");
}, 20_000);
