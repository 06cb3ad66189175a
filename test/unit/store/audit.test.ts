/** The audit log: complete where it can be, counted where it cannot, bounded always. */

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DaemonEvent } from "../../../src/core/events.ts";
import { Allowance } from "../../../src/core/allowance.ts";
import { AuditLog, type Retention } from "../../../src/store/audit.ts";
import { AuditReader, type AuditFilter } from "../../../src/store/audit-query.ts";
import type { AuditRecord } from "../../../src/store/audit-record.ts";
import { spawnSync } from "../../support/programs.ts";
import { grantOf, NOW, opened, StateFolder } from "../../support/store.ts";

const SOURCE = join(import.meta.dir, "../../../src");

const DAY_MS = 86_400_000;
const WIDE: Retention = { ageMs: 90 * DAY_MS, rows: 1_000_000, bytes: 1 << 30 };

function openLog(folder: StateFolder, retention: Partial<Retention> = {}): AuditLog {
  return new AuditLog(folder.path, {
    report: folder.report,
    nowMs: NOW,
    retention: { ...WIDE, ...retention },
  });
}

function read(folder: StateFolder, filter: AuditFilter = {}) {
  using reader = new AuditReader(folder.path);
  return [...reader.query(filter)];
}

const reused: DaemonEvent = {
  type: "knock.reused",
  atMs: NOW + 5_000.25,
  door: "web",
  user: "bob",
  device: "phone",
  address: "198.51.100.9",
  firstAddress: "203.0.113.7",
  firstMs: NOW,
};

const EVERYTHING: readonly AuditRecord[] = [
  { type: "daemon.started", atMs: NOW, version: "1.2.3" },
  opened(NOW + 1_000),
  { type: "grant.closed", atMs: NOW + 2_000, grant: grantOf("203.0.113.7"), reason: "expired" },
  opened(NOW + 3_000, grantOf("2001:db8:0:1::/64", { door: "web", user: "bob", device: "phone" })),
  { type: "fault", atMs: NOW + 4_000, part: "capture", message: "Cannot keep up" },
  reused,
  { type: "daemon.stopped", atMs: NOW + 6_000, reason: "SIGTERM" },
];

function withEverything(): StateFolder {
  const folder = new StateFolder();
  const log = openLog(folder);
  for (const record of EVERYTHING) log.add(record);
  log.close();
  return folder;
}

describe("AuditReader.query()", () => {
  test("gives back every record as it was, the newest last, with what it is found by", () => {
    using folder = withEverything();
    const entries = read(folder);
    expect(entries.map(({ detail }) => detail)).toEqual([...EVERYTHING]);
    expect(entries[1]).toEqual({
      id: 2,
      atMs: NOW + 1_000,
      type: "grant.opened",
      door: "ssh",
      user: "alice",
      device: "laptop",
      address: "203.0.113.7",
      detail: opened(NOW + 1_000) as AuditRecord,
    });
    expect(entries[4]).toEqual({
      id: 5,
      atMs: NOW + 4_000,
      type: "fault",
      detail: EVERYTHING[4]!,
    });
  });

  const cases: readonly (readonly [string, AuditFilter, readonly number[]])[] = [
    ["since is inclusive", { sinceMs: NOW + 5_000 }, [6, 7]],
    ["until is exclusive", { untilMs: NOW + 2_000 }, [1, 2]],
    ["since and until together", { sinceMs: NOW + 2_000, untilMs: NOW + 4_000 }, [3, 4]],
    ["user", { user: "alice" }, [2, 3]],
    ["device", { user: "bob", device: "phone" }, [4, 6]],
    ["device of another user", { user: "alice", device: "phone" }, []],
    ["door", { door: "web" }, [4, 6]],
    ["address, also the first of a reuse", { addresses: ["203.0.113.7"] }, [2, 3, 6]],
    ["several texts of an address", { addresses: ["2001:db8:0:1::5", "2001:db8:0:1::/64"] }, [4]],
    ["whole type", { type: "grant.opened" }, [2, 4]],
    ["kind of event", { type: "grant" }, [2, 3, 4]],
    ["a beginning that is no kind", { type: "gra" }, []],
    ["text that would be SQL", { user: "' OR 1 --" }, []],
    ["a pattern of SQL is no pattern", { type: "%" }, []],
    ["limit keeps the newest", { limit: 2 }, [6, 7]],
    ["limit after the other conditions", { type: "grant", limit: 1 }, [4]],
  ];
  test.each(cases)("filters: %s", (_, filter, ids) => {
    using folder = withEverything();
    expect(read(folder, filter).map(({ id }) => id)).toEqual([...ids]);
  });

  test("lastOpeners() names the device that opened a door to an address last, where one did", () => {
    using folder = new StateFolder();
    const log = openLog(folder);
    const home = grantOf("203.0.113.7");
    // The clock is ahead when the laptop opens.
    for (const [ms, device] of [
      [0, "phone"],
      [3_600_000, "laptop"],
      [2, "phone"],
    ] as const) {
      log.add(opened(NOW + ms, { ...home, via: "rotating", user: "alice", device }));
    }
    log.add(opened(NOW, { ...home, address: "203.0.113.8", user: "bob", device: "phone" }));
    log.add(opened(NOW, { ...home, address: "203.0.113.9", user: "bob", device: "phone" }));
    const { user: _, device: __, ...byHand } = home;
    log.add(opened(NOW + 1, { ...byHand, address: "203.0.113.9", via: "hand" }));
    log.close();
    using reader = new AuditReader(folder.path);
    expect(reader.lastOpeners()).toEqual([
      { door: home.door, address: "203.0.113.7", user: "alice", device: "phone", atMs: NOW + 2 },
      { door: home.door, address: "203.0.113.8", user: "bob", device: "phone", atMs: NOW },
    ]);
    expect(reader.lastOpenings()).toEqual([
      ...reader.lastOpeners(),
      { door: home.door, address: "203.0.113.9", atMs: NOW + 1 },
    ]);
    expect(reader.lastOpenings({ users: ["bob"] })).toEqual([
      { door: home.door, address: "203.0.113.8", user: "bob", device: "phone", atMs: NOW },
      { door: home.door, address: "203.0.113.9", atMs: NOW + 1 },
    ]);
    expect(reader.lastOpenings({ users: ["carol"] })).toEqual([]);
    expect(reader.lastOpenings({ users: ["bob"], addresses: ["203.0.113.7"] })).toEqual([]);
    expect(reader.lastOpenings({ addresses: ["203.0.113.9", "2001:db8::/64"] })).toEqual([
      { door: home.door, address: "203.0.113.9", atMs: NOW + 1 },
    ]);
  });

  test("sees what a running daemon wrote a moment ago, and does not hold it up", () => {
    using folder = new StateFolder();
    const log = openLog(folder);
    log.add(opened(NOW));
    log.flush();
    using reader = new AuditReader(folder.path);
    const reading = reader.query({});
    expect(reading.next().value?.id).toBe(1);
    log.add(opened(NOW + 1));
    expect(log.flush()).toBe(true);
    expect([...reading]).toEqual([]);
    expect([...reader.query({})]).toHaveLength(2);
    log.close();
    expect(folder.notices).toEqual([]);
  });

  test("gives records of another version back as they are", () => {
    using folder = new StateFolder();
    const log = openLog(folder);
    const record = { type: "moon.full", atMs: NOW, door: "ssh", phase: 1 };
    log.add(record as unknown as AuditRecord);
    log.close();
    const [entry] = read(folder, { type: "moon" });
    expect(entry).toMatchObject({ type: "moon.full", door: "ssh", detail: record as object });
  });
});

describe("AuditLog", () => {
  test("add() reaches the file by itself, in one transaction with its neighbours", async () => {
    using folder = new StateFolder();
    const log = openLog(folder);
    for (let i = 0; i < 10; i++) log.add(opened(NOW + i));
    const deadline = Date.now() + 10_000;
    let found = 0;
    while (found === 0 && Date.now() < deadline) {
      await Bun.sleep(10);
      found = read(folder).length;
    }
    expect(found).toBe(10);
    log.close();
  });

  test("keeps every opening of a crowd that comes at once", () => {
    using folder = new StateFolder();
    const log = openLog(folder);
    const heapBefore = process.memoryUsage().rss;
    for (let i = 0; i < 20_000; i++) log.add(opened(NOW));
    log.close();
    expect(process.memoryUsage().rss - heapBefore).toBeLessThan(64 << 20);
    expect(read(folder)).toHaveLength(20_000);
  });

  test("forged knocks at a fixed door cannot push real events out of the log", () => {
    using folder = new StateFolder();
    const log = openLog(folder);
    const { user: _, device: __, ...anyone } = grantOf("192.0.2.1", { via: "fixed", door: "old" });
    let written = 0;
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 1_000; i++) log.add(opened(NOW + second * 1_000 + i, anyone));
      log.add(opened(NOW + second * 1_000 + 999));
      log.flush();
    }
    log.close();
    const entries = read(folder);
    written = entries.filter(({ door }) => door === "old").length;
    expect(written).toBeGreaterThanOrEqual(1_024 + 59 * 20);
    expect(written).toBeLessThanOrEqual(1_024 + 60 * 20);
    expect(entries.filter(({ user }) => user === "alice")).toHaveLength(60);
    const leftOut = entries.flatMap(({ detail }) =>
      detail.type === "log.left-out" ? [detail.count] : [],
    );
    expect(written + leftOut.reduce((sum, count) => sum + count, 0)).toBe(60_000);
  });

  test("keeps the newest rows of its limit", () => {
    using folder = new StateFolder();
    const log = openLog(folder, { rows: 5_000 });
    for (let i = 0; i < 20_000; i++) {
      log.add(opened(NOW + i));
      if (i % 1_000 === 999) log.flush();
    }
    log.close();
    const entries = read(folder);
    expect(entries).toHaveLength(5_000);
    expect([entries[0]!.atMs, entries.at(-1)!.atMs]).toEqual([NOW + 15_000, NOW + 19_999]);
  });

  test("keeps the file below its limit of bytes however much is written, and gives room back", () => {
    using folder = new StateFolder();
    const bytes = 4 << 20;
    const size = () => statSync(folder.file("audit.db")).size;
    let largest = 0;
    const log = openLog(folder, { bytes });
    for (let i = 0; i < 60_000; i++) {
      log.add(opened(NOW + i));
      if (i % 1_000 === 999) {
        log.flush();
        largest = Math.max(largest, size());
      }
    }
    log.close();
    // A batch beyond the limit, until the next one deletes.
    expect(largest).toBeLessThan(bytes + (2 << 20));
    const entries = read(folder);
    expect(entries.at(-1)!.atMs).toBe(NOW + 59_999);
    expect(entries.length).toBeGreaterThan(3_000);
  });

  test("gives room back when its limit is lowered", () => {
    using folder = new StateFolder();
    const size = () => statSync(folder.file("audit.db")).size;
    const log = openLog(folder);
    for (let i = 0; i < 60_000; i++) {
      log.add(opened(NOW + i));
      if (i % 2_000 === 1_999) log.flush();
    }
    log.close();
    expect(size()).toBeGreaterThan(16 << 20);
    const small = openLog(folder, { bytes: 2 << 20 });
    for (let i = 0; i < 40; i++) {
      small.add(opened(NOW + 60_000 + i));
      small.flush();
    }
    small.close();
    // 4 MiB are kept free for records to come.
    expect(size()).toBeLessThan(7 << 20);
    expect(read(folder).at(-1)!.atMs).toBe(NOW + 60_039);
  });

  test("forgets what is older than its age, a part at a time", () => {
    using folder = new StateFolder();
    const log = openLog(folder, { ageMs: DAY_MS });
    for (let i = 0; i < 1_200; i++) log.add(opened(NOW + i));
    log.flush();
    const later = NOW + DAY_MS + 1_100;
    const left: number[] = [];
    for (let i = 0; i < 4; i++) {
      log.add(opened(later));
      log.flush();
      left.push(read(folder, { untilMs: later }).length);
    }
    log.close();
    expect(left).toEqual([700, 200, 100, 100]);
  });

  test("a clock set a century ahead and back costs the log no more than a part of its past", () => {
    using folder = new StateFolder();
    const log = openLog(folder);
    for (let i = 0; i < 2_000; i++) log.add(opened(NOW + i));
    log.flush();
    log.add(opened(NOW + 36_500 * DAY_MS));
    log.flush();
    log.add(opened(NOW + 5_000));
    log.close();
    expect(read(folder, { untilMs: NOW + 5_000 })).toHaveLength(1_500);
  });

  test.each([
    ["a board that starts in 1970", (NOW % DAY_MS) - NOW],
    ["a clock set back by a year", -365 * DAY_MS],
  ])("what was logged by %s stays when it is set right", (_, byMs) => {
    using folder = new StateFolder();
    const log = openLog(folder);
    log.add(opened(NOW));
    log.flush();
    for (let i = 1; i <= 3; i++) log.add(opened(NOW + byMs + i));
    log.flush();
    log.add(opened(NOW + DAY_MS));
    log.flush();
    expect(read(folder)).toHaveLength(5);
    // As long as what came before.
    log.add(opened(NOW + 91 * DAY_MS));
    log.close();
    expect(read(folder).map(({ atMs }) => atMs)).toEqual([NOW + DAY_MS, NOW + 91 * DAY_MS]);
  });

  test("what was logged by a clock that was behind keeps nothing that is too old", () => {
    using folder = new StateFolder();
    const log = openLog(folder);
    const add = (atMs: number) => {
      log.add(opened(atMs));
      log.flush();
    };
    for (let day = 0; day < 60; day++) add(NOW + day * DAY_MS);
    // More than are forgotten at once.
    for (let i = 0; i < 600; i++) log.add(opened(i));
    log.flush();
    for (let day = 60; day < 145; day++) add(NOW + day * DAY_MS);
    log.close();
    const right = read(folder).flatMap(({ atMs }) => (atMs < NOW ? [] : atMs));
    expect(Math.min(...right)).toBe(NOW + (144 - 90) * DAY_MS);
  });

  test("a file damaged while in use is put aside, told once, and the events at hand are kept", () => {
    using folder = new StateFolder();
    const log = openLog(folder);
    for (let i = 0; i < 2_000; i++) log.add(opened(NOW + i));
    log.close();
    const path = folder.file("audit.db");
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 4_096 * 2);
    writeFileSync(path, bytes);
    const again = openLog(folder, { ageMs: 1 });
    again.add(opened(NOW + DAY_MS));
    expect(again.flush()).toBe(true);
    again.close();
    expect(folder.notices.map(({ state }) => state)).toEqual(["replaced"]);
    expect(read(folder)).toHaveLength(1);
    expect(readdirSync(folder.path).filter((name) => name.includes(".bad-"))).not.toEqual([]);
  });

  test.each([
    ["garbage", (path: string) => writeFileSync(path, "garbage".repeat(1_000))],
    ["nothing", (path: string) => writeFileSync(path, "")],
  ])("begins anew where its file holds %s", (_, damage) => {
    using folder = new StateFolder();
    damage(folder.file("audit.db"));
    const log = openLog(folder);
    log.add(opened(NOW));
    log.close();
    expect(read(folder)).toHaveLength(1);
    expect(folder.notices.map(({ state }) => state)).toEqual(["replaced"]);
  });

  test("begins anew, and says so, where somebody deletes its file", () => {
    using folder = new StateFolder();
    const log = openLog(folder);
    log.add(opened(NOW));
    log.flush();
    rmSync(folder.file("audit.db"));
    log.add(opened(NOW + 1));
    expect(log.flush()).toBe(true);
    log.close();
    expect(read(folder)).toHaveLength(1);
    expect(folder.notices.map(({ state }) => state)).toEqual(["replaced"]);
  });
});

describe("Allowance.take()", () => {
  test("lets a burst pass, then so many a second, and never more than a burst after a pause", () => {
    const allowance = new Allowance(3, 2);
    const passed = (nowMs: number) => {
      let count = 0;
      while (allowance.take(nowMs)) count++;
      return count;
    };
    expect([0, 0, 499, 500, 1_500, 999_999].map(passed)).toEqual([3, 0, 0, 1, 2, 3]);
  });

  test("gives nothing for times that alternate", () => {
    const allowance = new Allowance(1, 1);
    expect(allowance.take(10_000)).toBe(true);
    for (let i = 0; i < 100; i++) {
      expect([allowance.take(9_900), allowance.take(10_000)]).toEqual([false, false]);
    }
  });

  test("goes on from a clock that was set back", () => {
    const allowance = new Allowance(1, 1);
    expect(allowance.take(100_000)).toBe(true);
    expect([50_000, 50_999, 51_000].map((nowMs) => allowance.take(nowMs))).toEqual([
      false,
      false,
      true,
    ]);
  });
});

test("AuditReader says that descriptors are lacking, and calls no log damaged for that", () => {
  using folder = new StateFolder();
  const log = openLog(folder);
  log.add({ type: "daemon.started", atMs: NOW, version: "1.2.3" });
  log.flush();
  const program = `
    import { closeSync, openSync } from "node:fs";
    import { AuditReader } from ${JSON.stringify(join(SOURCE, "store/audit-query.ts"))};
    const held = [];
    try { for (;;) held.push(openSync("/dev/null", "r")); } catch {}
    let told = "";
    for (let free = 1; free <= 2; free++) {
      closeSync(held.pop());
      try { new AuditReader(process.argv[1]); } catch ({ message }) { told += message + "\\n"; }
    }
    for (const fd of held) closeSync(fd);
    console.log(told);`;
  const limited = `ulimit -n 64; exec "$@"`;
  const argv = ["sh", "-c", limited, "sh", process.execPath, "-e", program, folder.path];
  const lines = spawnSync(argv).stdout.toString().trim().split("\n");
  log.close();
  const told = `Cannot show the log: ${folder.file("audit.db")}: EMFILE: raise the limit of open files`;
  expect(lines).toEqual([expect.stringContaining(told), expect.stringContaining(told)]);
});
