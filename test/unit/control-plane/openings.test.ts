/** How many addresses a door is open to, by its events. */

import { expect, test } from "bun:test";
import { Openings } from "../../../src/control-plane/openings.ts";
import { grantOf, NOW, opened } from "../../support/store.ts";

const A = grantOf("203.0.113.7");
const B = grantOf("203.0.113.8");
const closed = { type: "grant.closed", atMs: NOW, grant: A, reason: "expired" } as const;
const restored = { type: "grant.restored", atMs: NOW, grant: B } as const;

test("Openings.count() counts addresses, not knocks, and each door for itself", () => {
  const openings = new Openings();
  for (const event of [opened(NOW, A), opened(NOW + 1, A), restored]) openings.hear(event);
  openings.hear(opened(NOW, grantOf("203.0.113.7", { door: "web" })));
  expect([openings.count("ssh"), openings.count("web"), openings.count("nas")]).toEqual([2, 1, 0]);
});

test("Openings.count() falls at the end of a grant, and only once", () => {
  const openings = new Openings();
  for (const event of [closed, opened(NOW, A), restored, closed, closed]) openings.hear(event);
  expect(openings.count("ssh")).toBe(1);
});

test("Openings.terms() tells each kind and idle time of living grants once", () => {
  const openings = new Openings();
  const idle = (address: string, idleMs: number) => grantOf(address, { kind: "idle", idleMs });
  const ended = idle("203.0.113.9", 7_000);
  for (const grant of [A, idle("203.0.113.8", 5_000), idle("203.0.113.10", 5_000), ended]) {
    openings.hear(opened(NOW, grant));
  }
  openings.hear({ type: "grant.closed", atMs: NOW, grant: ended, reason: "expired" });
  const { kinds, idleMs } = openings.terms();
  expect([[...kinds], [...idleMs]]).toEqual([["plain", "idle"], [5_000]]);
});
