/**
 * Uses on disk: forward only, found again by their key, and judged by the record of the last run.
 */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { keyFingerprint, usesOf } from "../../../src/store/use.ts";
import { BOOT, KEY, NEXT_BOOT, NOW, StateFolder, useAt } from "../../support/store.ts";
import { spawn, spawnSync } from "../../support/programs.ts";

const OPEN_USES = join(import.meta.dir, "open-uses.ts");

/** A first run that used slot 100 and was killed: its file stays as the last commit left it. */
function killedRun(folder: StateFolder, slot = 100): void {
  const { store } = folder.openUses();
  store.record(useAt(slot));
  expect(store.flush()).toBe(true);
  const left = ["uses.db", "uses.db-wal"].map(
    (name) => [name, readFileSync(folder.file(name))] as const,
  );
  store.close(NOW);
  rmSync(folder.file("clean-stop"));
  for (const [name, bytes] of left) writeFileSync(folder.file(name), bytes);
}

describe("UseStore", () => {
  test("record() is in all() at once, and in the file of the next run", () => {
    using folder = new StateFolder();
    const { store } = folder.openUses();
    const use = useAt(100, { timeMs: NOW + 0.25 });
    store.record(use);
    expect(store.all()).toEqual([{ ...use, timeMs: NOW }]);
    store.close(NOW);
    const again = folder.openUses();
    expect(again.store.all()).toEqual([{ ...use, timeMs: NOW }]);
    again.store.close(NOW);
    expect(folder.notices).toEqual([]);
  });

  test("record() reaches the file by itself within a turn of the event loop", async () => {
    using folder = new StateFolder();
    const { store } = folder.openUses();
    const before = statSync(folder.file("uses.db-wal")).size;
    store.record(useAt(100));
    await new Promise((resolve) => setImmediate(resolve));
    expect(statSync(folder.file("uses.db-wal")).size).toBeGreaterThan(before);
    store.close(NOW);
  });

  test("a use without source and time comes back without them", () => {
    using folder = new StateFolder();
    const { store } = folder.openUses();
    const { source: _, timeMs: __, ...bare } = useAt(7);
    store.record(bare);
    store.close(NOW);
    const { store: again } = folder.openUses();
    expect(again.all()).toEqual([bare]);
    again.close(NOW);
  });

  test("the last slot of every key and door only moves forward, whatever comes in whatever order", () => {
    const step = fc.oneof(
      fc.record({
        door: fc.constantFrom("ssh", "web"),
        fingerprint: fc.constantFrom("a".repeat(32), "b".repeat(32)),
        stepSeconds: fc.constantFrom(30, 60),
        slot: fc.nat(50),
      }),
      fc.constantFrom("flush" as const, "restart" as const, "lose the file" as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        using folder = new StateFolder();
        const model = new Map<string, number>();
        let { store } = folder.openUses();
        for (const one of steps) {
          if (one === "flush") store.flush();
          else if (one === "lose the file") rmSync(folder.file("uses.db"), { force: true });
          else if (one === "restart") {
            store.close(NOW);
            ({ store } = folder.openUses());
          } else {
            store.record(useAt(one.slot, one));
            const place = `${one.door} ${one.fingerprint} ${one.stepSeconds}`;
            model.set(place, Math.max(model.get(place) ?? -1, one.slot));
          }
          const last = new Map<string, number>();
          for (const use of store.all()) {
            last.set(`${use.door} ${use.fingerprint} ${use.stepSeconds}`, use.slot);
          }
          expect(last).toEqual(model);
        }
        store.close(NOW);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  test("no file of the store shows anything of the key, and all of them are for their owner only", () => {
    using folder = new StateFolder();
    const { store } = folder.openUses();
    store.record(useAt(100));
    store.flush();
    for (const name of readdirSync(folder.path)) {
      expect(readFileSync(folder.file(name)).includes(Buffer.from(KEY.slice(0, 8)))).toBe(false);
      expect([name, statSync(folder.file(name)).mode & 0o777]).toEqual([name, 0o600]);
    }
    store.close(NOW);
  });
});

describe("usesOf()", () => {
  const subject = {
    door: "ssh",
    user: "alice",
    device: "laptop",
    key: KEY,
    space: { stepSeconds: 30 },
  };

  test("finds the use of a key at a door, under the name the device has now", () => {
    const found = usesOf([useAt(5)], [{ ...subject, user: "alicia", device: "old-laptop" }]);
    expect(found).toEqual([useAt(5, { user: "alicia", device: "old-laptop" })]);
  });

  test("takes nothing from slots of another length, and knows them again when it comes back", () => {
    const uses = [useAt(5), useAt(9, { stepSeconds: 60 })];
    const slotOf = (stepSeconds: number) =>
      usesOf(uses, [{ ...subject, space: { stepSeconds } }]).map(({ slot }) => slot);
    expect([slotOf(30), slotOf(60), slotOf(45)]).toEqual([[5], [9], []]);
  });

  test("lets a device with a new key start fresh, and a door with the old key not", () => {
    const newKey = new Uint8Array(32).fill(1);
    expect(usesOf([useAt(5)], [{ ...subject, key: newKey }])).toEqual([]);
    expect(usesOf([useAt(5)], [{ ...subject, door: "web" }])).toEqual([]);
  });

  test("tells keys apart by a fingerprint of 128 bits that is no plain hash of the key", () => {
    expect(keyFingerprint(KEY)).toMatch(/^[0-9a-f]{32}$/);
    const plain = new Bun.CryptoHasher("sha256").update(KEY).digest("hex");
    expect(plain.startsWith(keyFingerprint(KEY))).toBe(false);
  });
});

describe("UseStore.open() trusts", () => {
  test("an empty state folder: nothing was ever used", () => {
    using folder = new StateFolder();
    const { store, trust } = folder.openUses();
    expect(trust).toBe("complete");
    store.close(NOW);
  });

  test("a killed run of the same boot, and finds what it had written", () => {
    using folder = new StateFolder();
    killedRun(folder);
    const { store, trust } = folder.openUses(BOOT);
    expect(trust).toBe("complete");
    expect(store.all()).toEqual([useAt(100)]);
    store.close(NOW);
  });

  test("a killed run of the same boot only while the kernel has its table", () => {
    using folder = new StateFolder();
    killedRun(folder);
    const opened = folder.openUses(BOOT, NOW, () => false);
    expect(opened).toMatchObject({
      trust: "lost",
      reason:
        "sallyport had not been stopped before, or could not write that down, and no table in the kernel vouches for all used knocks",
    });
    opened.store.doubt(undefined);
    opened.store.close(NOW);
    // Whoever stops it in order has written everything: the kernel is not asked.
    const stopped = folder.openUses(BOOT, NOW, () => false);
    expect(stopped.trust).toBe("complete");
    stopped.store.close(NOW);
  });

  test("a clean stop before a reboot, once", () => {
    using folder = new StateFolder();
    folder.openUses().store.close(NOW);
    const second = folder.openUses(NEXT_BOOT);
    expect(second.trust).toBe("complete");
    expect(readdirSync(folder.path)).not.toContain("clean-stop");
    second.store.close(NOW);
  });
});

test("UseStore.open() trusts new keys at the first start, and no keys without a record after it", () => {
  using folder = new StateFolder();
  writeFileSync(folder.file("keys.toml"), "");
  writeFileSync(folder.file("first-start"), "");
  expect(folder.openUses().trust).toBe("complete");
  expect(existsSync(folder.file("first-start"))).toBe(false);
  for (const name of readdirSync(folder.path)) {
    if (name !== "keys.toml") rmSync(folder.file(name), { recursive: true });
  }
  expect(folder.openUses().trust).toBe("lost");
});

test("UseStore.open() starts where something else is in the place of a marker", () => {
  using folder = new StateFolder();
  for (const name of ["first-start", "clean-stop"]) mkdirSync(folder.file(name));
  writeFileSync(folder.file("keys.toml"), "");
  expect(folder.openUses().store.flush()).toBe(true);
});

describe("UseStore.open() counts as lost", () => {
  const lost = (folder: StateFolder, bootId = BOOT) => {
    const { store, ...rest } = folder.openUses(bootId);
    const uses = store.all();
    store.doubt(undefined);
    store.close(NOW);
    expect(rest).toEqual({ trust: "lost", reason: expect.any(String) });
    // The way back: the wait is over, and the state is whole again.
    const next = folder.openUses(bootId);
    expect(next.trust).toBe("complete");
    next.store.close(NOW);
    return { uses, reason: "reason" in rest ? rest.reason : "" };
  };

  test("a reboot without a clean stop, but keeps the uses", () => {
    using folder = new StateFolder();
    killedRun(folder);
    expect(lost(folder, NEXT_BOOT).uses).toEqual([useAt(100)]);
    expect(folder.notices).toEqual([]);
  });

  test.each([
    ["stop", true],
    ["kill", false],
  ])("a wait that the folder had refused to note, after a %s within it", (_, inOrder) => {
    using folder = new StateFolder();
    killedRun(folder);
    // Nothing can be put in the place of a folder.
    mkdirSync(folder.file("uses-doubtful"));
    const first = folder.openUses(NEXT_BOOT);
    expect(first.trust).toBe("lost");
    first.store.close(NOW, inOrder);
    rmdirSync(folder.file("uses-doubtful"));
    const second = folder.openUses(NEXT_BOOT);
    expect(second).toMatchObject({
      trust: "lost",
      reason: "the wait after a loss was not over when sallyport ended",
    });
    second.store.close(NOW);
  });

  test("a wait that the folder refused to note and takes later, but for its rest only", () => {
    using folder = new StateFolder();
    killedRun(folder);
    mkdirSync(folder.file("uses-doubtful"));
    const first = folder.openUses(NEXT_BOOT);
    rmdirSync(folder.file("uses-doubtful"));
    first.store.doubt(NOW);
    first.store.close(NOW, false);
    const second = folder.openUses(NEXT_BOOT, NOW + 5_000);
    expect(second).toMatchObject({ trust: "lost", sinceMs: NOW });
    second.store.doubt(undefined);
    second.store.close(NOW);
    expect(folder.openUses(NEXT_BOOT).trust).toBe("complete");
  });

  test("a clean stop that another boot than the file's tells of", () => {
    using folder = new StateFolder();
    killedRun(folder);
    writeFileSync(folder.file("clean-stop"), "33333333-3333-4333-8333-333333333333\n");
    lost(folder, NEXT_BOOT);
  });

  test("a deleted file where other files show that a daemon has run", () => {
    using folder = new StateFolder();
    killedRun(folder);
    rmSync(folder.file("uses.db"));
    expect(lost(folder).reason).toBe("the record of used knocks is missing");
  });

  test("all of the database deleted after a clean stop", () => {
    using folder = new StateFolder();
    folder.openUses().store.close(NOW);
    rmSync(folder.file("uses.db"));
    lost(folder);
  });

  const damages: readonly (readonly [string, string, (path: string) => void])[] = [
    ["of no bytes", "it is empty", (path) => truncateSync(path, 0)],
    ["cut in the middle of a page", "[^:]+", (path) => truncateSync(path, 4_096 + 1_000)],
    [
      "of garbage",
      "file is not a database",
      (path) => writeFileSync(path, "no database at all\n".repeat(1_000)),
    ],
    [
      "with a page of zeros",
      "its pages contradict each other",
      (path) => {
        const bytes = readFileSync(path);
        bytes.fill(0, 4_096, 8_192);
        writeFileSync(path, bytes);
      },
    ],
    [
      "of another program",
      "it is not a file of sallyport",
      (path) => {
        rmSync(path);
        using other = new Database(path, { create: true });
        other.run("CREATE TABLE uses (a)");
      },
    ],
    [
      "of a version that nobody wrote",
      "it is of version 0, this sallyport knows 2",
      (path) => {
        using same = new Database(path, { readwrite: true });
        same.run("PRAGMA user_version = 0");
      },
    ],
    [
      "with other tables",
      "its tables are not those of sallyport",
      (path) => {
        using same = new Database(path, { readwrite: true });
        same.run("ALTER TABLE session ADD COLUMN more TEXT");
      },
    ],
  ];
  for (const [name, reason, damage] of damages) {
    test(`a file ${name}, puts it aside and says so`, () => {
      using folder = new StateFolder();
      folder.openUses().store.close(NOW);
      damage(folder.file("uses.db"));
      expect(lost(folder).uses).toEqual([]);
      expect(folder.notices).toEqual([
        {
          state: "replaced",
          file: folder.file("uses.db"),
          message: expect.stringMatching(
            new RegExp(
              `^Cannot use .*uses\\.db: ${reason}: it is kept as .*uses\\.db\\.bad-20260501T100000Z, a new one is made$`,
            ),
          ),
        },
      ]);
      expect(readdirSync(folder.path)).toContain("uses.db.bad-20260501T100000Z");
    });
  }

  test("a slot changed inside a well-formed file, and keeps the rows that are whole", () => {
    using folder = new StateFolder();
    const { store } = folder.openUses();
    store.record(useAt(100));
    store.record(useAt(200, { door: "web" }));
    store.close(NOW);
    const rotten = new Database(folder.file("uses.db"), { readwrite: true });
    rotten.run("UPDATE uses SET slot = 4 WHERE door = 'ssh'");
    rotten.close();
    expect(lost(folder).uses).toEqual([useAt(200, { door: "web" })]);
    expect(folder.notices.map(({ state }) => state)).toEqual(["replaced"]);
    const { store: later } = folder.openUses();
    expect(later.all()).toEqual([useAt(200, { door: "web" })]);
    later.close(NOW);
  });

  test("a directory in the place of the file", () => {
    using folder = new StateFolder();
    mkdirSync(folder.file("uses.db"));
    lost(folder);
    expect(folder.notices.map(({ state }) => state)).toEqual(["replaced"]);
  });

  test("a file that another daemon holds, and leaves that file alone", () => {
    using folder = new StateFolder();
    const { store } = folder.openUses();
    store.record(useAt(100));
    store.flush();
    const holder = spawnSync([process.execPath, `${import.meta.dir}/open-uses.ts`, folder.path]);
    const other = JSON.parse(holder.stdout.toString()) as { trust: string; notices: string[] };
    expect(other.trust).toBe("lost");
    expect(other.notices).toEqual([
      `Cannot write ${folder.file("uses.db")}: another process holds it: uses of knocks are remembered only until a reboot: end that process`,
    ]);
    expect(store.flush()).toBe(true);
    store.close(NOW);
    expect(folder.openUses().store.all()).toEqual([useAt(100)]);
  });
});

describe("while it runs", () => {
  test("a deleted file is made anew from memory, and the loss is told", () => {
    using folder = new StateFolder();
    const { store } = folder.openUses();
    store.record(useAt(100));
    store.flush();
    for (const name of readdirSync(folder.path)) rmSync(folder.file(name));
    store.record(useAt(200, { door: "web" }));
    expect(store.flush()).toBe(true);
    expect(folder.notices.map(({ state }) => state)).toEqual(["replaced"]);
    store.close(NOW);
    const { store: again, trust } = folder.openUses(NEXT_BOOT);
    expect([trust, again.all()]).toEqual(["complete", [useAt(100), useAt(200, { door: "web" })]]);
    again.close(NOW);
  });

  test("a file put in its place, as when a copy is restored, is told and brought forward", () => {
    using folder = new StateFolder();
    const { store } = folder.openUses();
    store.record(useAt(100));
    store.close(NOW);
    copyFileSync(folder.file("uses.db"), folder.file("copy"));
    const { store: second } = folder.openUses();
    second.record(useAt(200));
    second.flush();
    renameSync(folder.file("copy"), folder.file("uses.db"));
    second.record(useAt(300, { door: "web" }));
    expect(second.flush()).toBe(true);
    expect(folder.notices.map(({ state }) => state)).toEqual(["replaced"]);
    second.close(NOW);
    const { store: third } = folder.openUses();
    expect(third.all()).toEqual([useAt(200), useAt(300, { door: "web" })]);
    third.close(NOW);
  });

  test("a file that could not be read at the start keeps its later slots when it can be written", async () => {
    using folder = new StateFolder();
    const holder = spawn([process.execPath, OPEN_USES, folder.path, "hold"], {
      stdin: "pipe",
      stdout: "pipe",
    });
    await holder.stdout.getReader().read();
    const { store, trust } = folder.openUses();
    expect([trust, store.all()]).toEqual(["lost", []]);
    // An older slot, as after a clock that was set back.
    store.record(useAt(5));
    expect(store.flush()).toBe(false);
    await holder.stdin.end();
    await holder.exited;
    expect(store.flush()).toBe(true);
    store.close(NOW);
    expect(folder.notices.map(({ state }) => state)).toEqual(["failing", "working"]);
    const { store: next } = folder.openUses();
    expect(next.all()).toEqual([useAt(100)]);
    next.close(NOW);
  });

  test("files moved aside do not pile up: the last two stay", () => {
    using folder = new StateFolder();
    for (let i = 0; i < 5; i++) {
      writeFileSync(folder.file("uses.db"), "garbage".repeat(500));
      folder.openUses(BOOT, NOW + i * 1_000).store.close(NOW);
    }
    const kept = readdirSync(folder.path).filter((name) => name.includes(".bad-"));
    expect(kept.sort()).toEqual(["uses.db.bad-20260501T100003Z", "uses.db.bad-20260501T100004Z"]);
  });

  test("a use recorded after close() is in all() and harms no file", async () => {
    using folder = new StateFolder();
    const { store } = folder.openUses();
    store.close(NOW);
    store.record(useAt(1));
    await new Promise((resolve) => setImmediate(resolve));
    expect(store.all()).toHaveLength(1);
    expect(readdirSync(folder.path).sort()).toEqual(["clean-stop", "uses.db"]);
  });
});

test("UseStore.open() never throws, wherever the folder is", () => {
  using folder = new StateFolder();
  rmSync(folder.path, { recursive: true });
  const { store, trust } = folder.openUses();
  expect(trust).toBe("lost");
  store.record(useAt(1));
  expect(store.flush()).toBe(false);
  store.close(NOW);
  expect(folder.notices.map(({ message }) => message)).toEqual([
    `Cannot write ${folder.file("uses.db")}: its folder is gone: uses of knocks are remembered only until a reboot: make the folder again`,
  ]);
});

test("UseStore names the file that took the place of its folder", () => {
  using folder = new StateFolder();
  const { store } = folder.openUses();
  rmSync(folder.path, { recursive: true });
  writeFileSync(folder.path, "");
  store.record(useAt(1));
  expect(store.flush()).toBe(false);
  store.close(NOW);
  expect(folder.notices.map(({ message }) => message)).toEqual([
    `Cannot write ${folder.file("uses.db")}: ${folder.path} is no folder: uses of knocks are remembered only until a reboot: move it away, or name another folder`,
  ]);
});

describe("a uses.db of version 1, which did not say how long its slots were", () => {
  const GOLDEN = join(import.meta.dir, "../../golden/state/uses-v1.db");
  const old = (folder: StateFolder, change: (database: Database) => void = () => {}) => {
    copyFileSync(GOLDEN, folder.file("uses.db"));
    const database = new Database(folder.file("uses.db"));
    change(database);
    database.close();
  };

  test("is taken over whole, each use with the length that its time tells", () => {
    using folder = new StateFolder();
    old(folder);
    const { store, trust } = folder.openUses();
    const at = (door: string, stepSeconds: number, slots: number, agoMs = 0) =>
      useAt(Math.floor(NOW / (stepSeconds * 1_000)) + slots, {
        door,
        stepSeconds,
        timeMs: NOW - agoMs,
      });
    expect(store.all()).toEqual([at("slow", 299, -2), at("ssh", 30, 1), at("web", 60, 0, 5_000)]);
    expect([trust, folder.notices]).toEqual(["complete", []]);
    store.close(NOW);
    const again = folder.openUses();
    expect([again.store.all().length, again.trust, folder.notices]).toEqual([3, "complete", []]);
    again.store.close(NOW);
  });

  test("is found damaged where it was, and its whole rows are kept", () => {
    using folder = new StateFolder();
    old(folder, (database) => database.run("UPDATE uses SET slot = slot - 9 WHERE door = 'ssh'"));
    const { store, trust } = folder.openUses();
    expect(trust).toBe("lost");
    expect(store.all().map(({ door }) => door)).toEqual(["slow", "web"]);
    store.close(NOW);
  });

  test("keeps nothing of a clock in 1970: no slot of that time comes again", () => {
    using folder = new StateFolder();
    old(folder, (database) => database.run("DELETE FROM uses WHERE door <> 'ssh'"));
    const bare = new Database(folder.file("uses.db"));
    const [row] = bare.query<Record<string, string>, []>("SELECT * FROM uses").all();
    const { door, fingerprint, user, device, source } = row!;
    const seal = new Bun.CryptoHasher("sha256")
      .update(JSON.stringify([door, fingerprint, user, device, 3, source, 100]))
      .digest()
      .subarray(0, 8);
    bare.query("UPDATE uses SET slot = 3, time_ms = 100, seal = ?").run(seal);
    bare.close();
    const { store, trust } = folder.openUses();
    expect([store.all(), trust]).toEqual([[], "complete"]);
    store.close(NOW);
  });
});
