/** The log's report of a stop. */

import { expect, test } from "bun:test";
import { stopReport } from "../../../src/control-plane/stop-report.ts";
import { doorOf, fixedDoorOf, settingsOf } from "../../support/daemon.ts";

const REMEDY =
  'and no knock opens: start sallyport again, or run "sallyport firewall remove", which lets everybody in';

test("stopReport() says what stays closed, and the command that opens it", () => {
  const settings = settingsOf([doorOf(), fixedDoorOf()]);
  expect(stopReport({ settings, state: "permanent" })).toBe(
    `22/tcp, 8443/tcp stay closed, ${REMEDY}`,
  );
  expect(stopReport({ settings, state: "probation", leftMs: 57_400 })).toBe(
    `22/tcp, 8443/tcp stay closed for at most 58s, ${REMEDY}`,
  );
});

test("stopReport() knows of doors that the kernel opens by itself", () => {
  const one = settingsOf([doorOf({ openAfterMs: 3_600_000 })]);
  expect(stopReport({ settings: one, state: "permanent" })).toBe(
    `22/tcp stays closed for at most 1h, ${REMEDY}`,
  );
});

test("stopReport() says nothing where no port was guarded", () => {
  expect(stopReport({ settings: settingsOf([doorOf({ opens: [] })]), state: "permanent" })).toBe(
    undefined,
  );
  expect(stopReport({ settings: settingsOf([doorOf()]), state: "lapsed" })).toBe(undefined);
});
