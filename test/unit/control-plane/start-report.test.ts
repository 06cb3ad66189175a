/** The log's report of a start. */

import { expect, test } from "bun:test";
import { startReport } from "../../../src/control-plane/start-report.ts";
import { doorOf, fixedDoorOf, settingsOf } from "../../support/daemon.ts";

const PLACES = { health: "http://127.0.0.1:7878/", control: "/run/control.sock" };

test("startReport() names ports, interfaces and addresses, and what was kept", () => {
  const settings = settingsOf([doorOf(), fixedDoorOf()]);
  const state = "permanent";
  const facts = { settings, state, interfaces: ["eth0", "wg0"], places: PLACES } as const;
  const second = "Health at http://127.0.0.1:7878/healthz, control at /run/control.sock";
  expect(startReport({ ...facts, adopted: 0, restored: 0 })).toEqual([
    "Guarding 22/tcp, 8443/tcp, listening on eth0, wg0",
    second,
  ]);
  expect(startReport({ ...facts, adopted: 1, restored: 2 })).toEqual([
    "Guarding 22/tcp, 8443/tcp, listening on eth0, wg0 (1 living session kept, 2 grants brought back)",
    second,
  ]);
});

test("startReport() names the listener that is there where the other could not be had", () => {
  const settings = settingsOf([doorOf()]);
  const facts = { settings, interfaces: ["any"], adopted: 0, restored: 0 } as const;
  const second = (places: Partial<typeof PLACES>) =>
    startReport({ ...facts, state: "permanent", places })[1];
  expect(second({ control: PLACES.control })).toBe("Control at /run/control.sock");
  expect(second({ health: PLACES.health })).toBe("Health at http://127.0.0.1:7878/healthz");
});

test("startReport() says so when doors only run commands", () => {
  const settings = settingsOf([doorOf({ opens: [] })]);
  const facts = { settings, interfaces: ["any"], adopted: 0, restored: 0, places: {} };
  expect(startReport({ ...facts, state: "probation" })).toEqual([
    "Guarding no port, listening on any",
  ]);
});

test("startReport() names no port after a probation that nobody confirmed", () => {
  const settings = settingsOf([doorOf()]);
  const facts = { settings, interfaces: ["any"], adopted: 0, restored: 0, places: {} };
  expect(startReport({ ...facts, state: "lapsed" })).toEqual([
    "Guarding no port, listening on any",
  ]);
});
