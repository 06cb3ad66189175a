/** `sallyport grants`: who is in, and for how much longer. */

import { expect, test } from "bun:test";
import { startDaemon } from "../../support/with-daemon.ts";
import { alignColumns, printable } from "../../../src/cli/output.ts";
import { localTime, roughDuration } from "../../../src/cli/times.ts";

test("grants lists address, door, ports, person, opening and rest on a terminal", async () => {
  await using daemon = await startDaemon();
  const { control } = daemon;
  control.add(
    { door: "ssh", address: "203.0.113.9", via: "rotating", user: "alice", device: "laptop" },
    600_500,
  );
  control.add(
    {
      door: "legacy",
      address: "2001:db8::/64",
      via: "fixed",
      ports: [{ proto: "udp", from: 8443, to: 8450 }],
    },
    90_061_000,
  );
  control.add({ door: "lights", address: "192.0.2.7", ports: [] }, 7_200_000);
  const shown = Bun.stripANSI(await daemon.show("grants"));
  const rows = shown
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/));
  const opened = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  const id = expect.stringMatching(/^[0-9a-f]{10}$/);
  expect(rows).toEqual([
    ["ADDRESS", "DOOR", "PORTS", "WHO", "OPENED", "LEFT", "ID"],
    [
      "203.0.113.9",
      "ssh",
      "22/tcp",
      "alice/laptop",
      opened,
      expect.stringMatching(/^(10m|9m 5\ds)$/),
      id,
    ],
    ["192.0.2.7", "lights", "by hand", opened, expect.stringMatching(/^(2h|1h 59m)$/), id],
    ["2001:db8::/64", "legacy", "8443-8450/udp", "fixed knock", opened, "1d 1h", id],
  ]);
});

test("grants says so on a terminal when no door is open, and prints nothing into a pipe", async () => {
  await using daemon = await startDaemon();
  expect(await daemon.show("grants")).toBe("No door is open to anybody\n");
  expect(await daemon.run("grants")).toEqual({ code: 0, out: "", err: "" });
  expect((await daemon.run("grants", "--json")).out).toBe("[]\n");
});

test("grants in a pipe prints one grant a line, its cells between tabs", async () => {
  await using daemon = await startDaemon();
  const { id } = daemon.control.add({ door: "ssh", address: "203.0.113.9", user: "bob" });
  const cells = (await daemon.run("grants")).out.trimEnd().split("\t");
  expect([cells.length, cells[0], cells[3], cells[6]]).toEqual([7, "203.0.113.9", "bob", id]);
});

test("grants --json prints the grants as the API gives them", async () => {
  await using daemon = await startDaemon();
  const grant = daemon.control.add({ door: "ssh", address: "203.0.113.9", via: "fixed" });
  expect(JSON.parse((await daemon.run("grants", "--json")).out)).toEqual([grant]);
});

test.each([
  [-5_000, "0s"],
  [0, "0s"],
  [400, "0s"],
  [29_600, "30s"],
  [59_700, "1m"],
  [61_000, "1m 1s"],
  [3_600_000, "1h"],
  [3_659_000, "1h"],
  [3_660_000, "1h 1m"],
  [86_399_000, "23h 59m"],
  [90_061_000, "1d 1h"],
  [8_640_000_000, "100d"],
])("roughDuration(%d) is %p", (ms, text) => {
  expect(roughDuration(ms)).toBe(text);
});

test("localTime() is the reader's own date and time", () => {
  const at = new Date(2026, 4, 1, 9, 8, 7);
  expect(localTime(at.getTime())).toBe("2026-05-01 09:08:07");
});

test("alignColumns() counts the cells of a terminal, not characters or escapes", () => {
  const columns = [{ title: "A" }, { title: "B", align: "right" }, { title: "C" }] as const;
  const rows = [
    ["門", "1", "x"],
    ["\u001B[31mred\u001B[39m", "1000", ""],
  ];
  const lines = Bun.stripANSI(alignColumns(columns, rows)).split("\n");
  expect(lines).toEqual(["A       B  C", "門      1  x", "red  1000"]);
});

test("printable() keeps words of any script and nothing that steers a terminal", () => {
  expect(printable("café 門 — ok")).toBe("café 門 — ok");
  expect(printable("a\u001B[2Jb\r\n\tc\u0085d\u2066e\u007F")).toBe("a�[2Jb���c�d�e�");
});
