/** `sallyport why`: the findings of the daemon, a line each. */

import { expect, test } from "bun:test";
import { startDaemon } from "../../support/with-daemon.ts";
import { localTime } from "../../../src/cli/times.ts";
import { ExitCode } from "../../../src/core/errors.ts";

test("why prints a line for each finding, and marks what is well", async () => {
  await using daemon = await startDaemon();
  daemon.control.findings = [
    { kind: "open", sentence: "ssh is open to 203.0.113.9" },
    { kind: "clock", sentence: "That clock is slow\u001B[2J", atMs: 1_767_225_600_000 },
  ];
  expect(await daemon.run("why", "203.0.113.9")).toEqual({
    code: 0,
    out: "✓ ssh is open to 203.0.113.9\n✗ 2026-01-01T00:00:00Z  That clock is slow�[2J\n",
    err: "",
  });
  expect(Bun.stripANSI(await daemon.show("why", "203.0.113.9"))).toBe(
    `✓ ssh is open to 203.0.113.9\n✗ ${localTime(1_767_225_600_000)}  That clock is slow�[2J\n`,
  );
});

test("why prints a finding of several lines in one", async () => {
  await using daemon = await startDaemon();
  daemon.control.findings = [{ kind: "not-ready", sentence: "2 mistakes\nline 1\nline 2" }];
  expect((await daemon.run("why", "203.0.113.9")).out).toBe("✗ 2 mistakes; line 1; line 2\n");
});

test("why without an address lists those that knocked", async () => {
  await using daemon = await startDaemon();
  expect(await daemon.show("why")).toBe(
    "No address knocked more than once in the last ten minutes\n",
  );
  expect(await daemon.run("why")).toEqual({ code: 0, out: "", err: "" });
  daemon.control.knockers = [
    { address: "203.0.113.9", knocks: 16, lastMs: 1_767_225_600_000 },
    { address: "2001:db8::9", knocks: 3, lastMs: 1_767_225_599_000 },
  ];
  expect(Bun.stripANSI(await daemon.show("why")).split("\n")).toEqual([
    "ADDRESS      KNOCKS  LAST KNOCK",
    `203.0.113.9      16  ${localTime(1_767_225_600_000)}`,
    `2001:db8::9       3  ${localTime(1_767_225_599_000)}`,
    "",
  ]);
  expect((await daemon.run("why")).out).toBe(
    "203.0.113.9\t16\t2026-01-01T00:00:00Z\n2001:db8::9\t3\t2025-12-31T23:59:59Z\n",
  );
  expect(JSON.parse((await daemon.run("why", "--json")).out)).toEqual(daemon.control.knockers);
});

test("why --json prints what the API answers", async () => {
  await using daemon = await startDaemon();
  const { findings } = daemon.control;
  expect(JSON.parse((await daemon.run("why", "2001:DB8::9", "--json")).out)).toEqual({
    address: "2001:db8::9",
    findings,
  });
});

test.each([
  [
    "gate.example",
    "it is not an IPv4 or IPv6 address that packets come from: write one such as 203.0.113.9",
  ],
  ["fe80::1%eth0", "the server knows it without an interface: write fe80::1"],
])("why refuses %s, in one sentence", async (text, problem) => {
  await using daemon = await startDaemon();
  const { code, out, err } = await daemon.run("why", text);
  expect([code, out]).toEqual([ExitCode.usage, ""]);
  expect(err).toBe(`sallyport: Cannot explain "${text}": ${problem}\n`);
});
