/** The doors that a capture file would have opened: in every format, and with impossible times. */

import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { addKey, makeKey } from "../../../src/keys/keys.ts";
import { LinkType } from "../../../src/core/link-type.ts";
import { replay } from "../../../src/offline/replay.ts";
import { GOLDEN_CAPTURES } from "../../golden/captures.ts";
import { StateFolder } from "../../support/store.ts";
import { concat, ipv4, tcp } from "../../support/frames.ts";
import { Pcapng } from "../../support/pcapng.ts";

/** A server with the fixed door that the golden captures knock on, and a rotating one. */
function configIn(folder: StateFolder): string {
  const file = folder.file("config.toml");
  writeFileSync(
    file,
    `[server]\nstate_dir = "${folder.path}"\n` +
      `[door.web]\nopens = ["80/tcp"]\nsequence = ["7000", "9000", "8000"]\nclose_sequence = ["8000", "9000", "7000"]\n` +
      `[door.ssh]\nopens = ["22/tcp"]\nusers = ["alice"]\n`,
  );
  addKey(folder.path, { user: "alice", device: "phone", key: makeKey("lab") });
  return file;
}

test.each(GOLDEN_CAPTURES.map((golden) => [golden.command, golden] as const))(
  "replay() opens by what was captured by %s",
  (_command, golden) => {
    using folder = new StateFolder();
    const report = replay(golden.path, configIn(folder));
    expect(report.frames).toBe(golden.frames.length);
    expect(report.knocks).toBe(golden.frames.length);
    expect(report.events.map(({ sentence }) => sentence)).toContainEqual(
      expect.stringMatching(/^Opened web \(80\/tcp\) to 10\.77\.0\.2 for 30s/),
    );
    expect(report.nearMisses).toEqual([]);
    expect(report.remarks).toEqual([]);
  },
);

const ng = new Pcapng();
const syn = (port: number) => ipv4("10.77.0.2", "10.77.0.1", tcp(port));

test("replay() judges no knock of which the file does not tell the time, and says so", () => {
  using folder = new StateFolder();
  const file = folder.file("simple.pcapng");
  const packets = [7000, 9000, 8000].map((port) => ng.simplePacket(syn(port)));
  writeFileSync(file, concat(ng.section(), ng.interface(LinkType.raw), ...packets));
  const report = replay(file, configIn(folder));
  expect([report.frames, report.knocks, report.opened]).toEqual([3, 3, 0]);
  expect(report.remarks).toEqual([
    "3 knocks have no time in the file, or an impossible one: what they would have opened depends on it",
  ]);
});

test("replay() stands times that leap over thousands of years", () => {
  using folder = new StateFolder();
  const file = folder.file("leaps.pcapng");
  const times = [0n, 253_402_300_799n, 5n, 1_700_000_000n, 253_402_300_700n, 0n, 90_000_000_000n];
  const packets = times.flatMap((time) => [
    ng.packet(0, time, syn(20_000 + Number(time % 30_000n))),
    ...[7000, 9000, 8000].map((port) => ng.packet(0, time, syn(port))),
  ]);
  writeFileSync(
    file,
    concat(ng.section(), ng.interface(LinkType.raw, 0, ng.resolution(0)), ...packets),
  );
  const report = replay(file, configIn(folder));
  expect(report.frames).toBe(times.length * 4);
  expect(report.opened).toBeGreaterThan(0);
  for (const { atMs } of report.events) expect(new Date(atMs).getTime()).toBe(atMs);
});

test("replay() tells what it found before a file is damaged, and where that is", () => {
  using folder = new StateFolder();
  const config = configIn(folder);
  const golden = GOLDEN_CAPTURES[0]!;
  const whole = new Uint8Array(readFileSync(golden.path));
  const file = folder.file("damaged.pcapng");
  const junk = new Uint8Array(64).fill(0xff);
  writeFileSync(file, concat(whole, junk));
  const { damage, ...report } = replay(file, config);
  expect(report).toEqual(replay(golden.path, config));
  const said = `Cannot read ${file}: it is damaged: the block at byte`;
  expect(damage).toStartWith(`${said} ${whole.length} `);
  // Nothing was found where nothing could be read.
  const head = concat(ng.section(), ng.interface(LinkType.raw));
  writeFileSync(file, concat(head, junk));
  expect(() => replay(file, config)).toThrow(`${said} ${head.length} `);
});
