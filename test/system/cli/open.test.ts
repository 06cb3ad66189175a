/** `sallyport open`: a door, opened by hand. */

import { expect, test } from "bun:test";
import { startDaemon } from "../../support/with-daemon.ts";
import { FULL } from "../../support/fake-control.ts";

test("open opens the door for its own time and says until when", async () => {
  await using daemon = await startDaemon();
  const { code, out, err } = await daemon.run("open", "ssh", "203.0.113.9");
  expect([code, err]).toEqual([0, ""]);
  expect(out).toMatch(
    /^ssh is open to 203\.0\.113\.9 for (30|29|2[5-8])s, until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n$/,
  );
  expect(daemon.control.live.size).toBe(1);
});

test("open --for asks for another time", async () => {
  await using daemon = await startDaemon();
  await daemon.run("open", "ssh", "2001:db8::9", "--for", "90m");
  const [grant] = [...daemon.control.live.values()];
  expect(grant).toMatchObject({ door: "ssh", address: "2001:db8::9" });
  expect(grant!.expiresMs - grant!.openedMs).toBe(5_400_000);
});

test("open --json prints the grant", async () => {
  await using daemon = await startDaemon();
  const { out } = await daemon.run("open", "ssh", "203.0.113.9", "--json");
  expect(JSON.parse(out)).toEqual([...daemon.control.live.values()][0]);
});

test.each([
  [
    ["ssh", "300.1.2.3"],
    'Cannot open a door to "300.1.2.3": it is not an IPv4 or IPv6 address that packets come from: write one such as 203.0.113.9',
  ],
  [
    ["ssh", "::ffff:192.0.2.1"],
    'Cannot open a door to "::ffff:192.0.2.1": it is not an IPv4 or IPv6 address that packets come from: write one such as 203.0.113.9',
  ],
  [
    ["ssh", "fe80::1%eth0"],
    'Cannot open a door to "fe80::1%eth0": the server knows it without an interface: write fe80::1',
  ],
  [
    ["ssh", "192.0.2.1", "--for", "30"],
    'Cannot open a door for "30": it is not a duration from 1s to 30d: write one such as 30s',
  ],
  [
    ["ssh", "192.0.2.1", "--for", "31d"],
    'Cannot open a door for "31d": it is not a duration from 1s to 30d: write one such as 30s',
  ],
])("open %j is a usage error, told before anybody is asked", async (argv, sentence) => {
  await using daemon = await startDaemon();
  expect(await daemon.run("open", ...argv)).toEqual({
    code: 64,
    out: "",
    err: `sallyport: ${sentence}\n`,
  });
  expect(daemon.control.live.size).toBe(0);
});

test("open without an address is a usage error", async () => {
  await using daemon = await startDaemon();
  const { code, err } = await daemon.run("open", "ssh");
  expect([code, err]).toEqual([64, expect.stringContaining("address")]);
});

test("open names the doors there are when it does not know the one meant", async () => {
  await using daemon = await startDaemon();
  expect(await daemon.run("open", "shh", "192.0.2.1")).toEqual({
    code: 1,
    out: "",
    err: 'sallyport: Cannot open "shh": no door has this name: write one of ssh, legacy\n',
  });
  daemon.control.views = [];
  expect((await daemon.run("open", "shh", "192.0.2.1")).err).toBe(
    'sallyport: Cannot open "shh": no door has this name: there is none\n',
  );
});

test("open passes on the sentence with which the daemon refuses", async () => {
  await using daemon = await startDaemon();
  daemon.control.refusal = FULL;
  expect(await daemon.run("open", "ssh", "192.0.2.1")).toEqual({
    code: 1,
    out: "",
    err: `sallyport: ${FULL.message}\n`,
  });
});

test("open shows nothing of an error that is a bug of the daemon", async () => {
  await using daemon = await startDaemon();
  daemon.control.refusal = new TypeError("canary-5eed is not a function");
  expect((await daemon.run("open", "ssh", "192.0.2.1")).err).toBe(
    "sallyport: The request failed inside the daemon: its log says why\n",
  );
});
