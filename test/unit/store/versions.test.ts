/** Files of other versions: earlier ones are taken over whole, later ones keep every byte. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { copyFileSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tell } from "../../../src/control-plane/audit-access.ts";
import { AuditLog } from "../../../src/store/audit.ts";
import { AuditReader } from "../../../src/store/audit-query.ts";
import { AUDIT_SCHEMA } from "../../../src/store/audit-schema.ts";
import { OWED_SCHEMA, OwedCommands } from "../../../src/store/owed.ts";
import { USES_SCHEMA } from "../../../src/store/uses.ts";
import { BOOT, NEXT_BOOT, NOW, opened, StateFolder, useAt } from "../../support/store.ts";
import { spawnSync } from "../../support/programs.ts";

const GOLDEN = join(import.meta.dir, "../../golden/state");

const VERSIONS = {
  uses: USES_SCHEMA.version,
  owed: OWED_SCHEMA.version,
  audit: AUDIT_SCHEMA.version,
} as const;
type Kind = keyof typeof VERSIONS;
const KINDS: readonly Kind[] = ["uses", "owed", "audit"];
const KEPT = KINDS.flatMap((kind) =>
  Array.from({ length: VERSIONS[kind] }, (_, i) => [kind, i + 1] as const),
);

const openOwed = (folder: StateFolder) =>
  new OwedCommands(folder.path, { nowMs: NOW, report: folder.report });
const openAudit = (folder: StateFolder) =>
  new AuditLog(folder.path, { nowMs: NOW, report: folder.report });

/** A folder with the kept file of a version in it. */
function withKept(kind: Kind, version: number): StateFolder {
  const folder = new StateFolder();
  copyFileSync(join(GOLDEN, `${kind}-v${version}.db`), folder.file(`${kind}.db`));
  return folder;
}

function openAndClose(folder: StateFolder, kind: Kind): void {
  if (kind === "uses") folder.openUses().store.close(NOW);
  else if (kind === "owed") openOwed(folder).close();
  else openAudit(folder).close();
}

function versionIn(folder: StateFolder, kind: Kind): unknown {
  using database = new Database(folder.file(`${kind}.db`), { readonly: true });
  return Object.values(database.query<object, []>("PRAGMA user_version").get()!)[0];
}

function told(folder: StateFolder): string[] {
  using reader = new AuditReader(folder.path);
  return [...reader.query({})].map((entry) => tell(entry).sentence);
}

describe("a kept file", () => {
  test("is there of each version of each database, and of no other", () => {
    const wanted = KEPT.map(([kind, version]) => `${kind}-v${version}.db`);
    expect(readdirSync(GOLDEN).sort()).toEqual(wanted.sort());
  });

  test.each(KEPT)("%s-v%i.db is taken over without a word", (kind, version) => {
    using folder = withKept(kind, version);
    openAndClose(folder, kind);
    expect(folder.notices).toEqual([]);
    expect(versionIn(folder, kind)).toBe(VERSIONS[kind]);
  });

  test("uses-v2.db: every use is known", () => {
    using folder = withKept("uses", 2);
    const { store, trust } = folder.openUses(BOOT);
    expect([trust, store.all()]).toEqual(["complete", [useAt(100), useAt(60, { door: "web" })]]);
    store.close(NOW);
  });

  test("owed-v1.db: what an early daemon owed is owed, and what it had begun may have run", () => {
    using folder = withKept("owed", 1);
    const owed = openOwed(folder);
    expect(owed.living().map(({ door, argv }) => [door, argv])).toEqual([
      ["lights", ["/usr/local/bin/lights", "off", "203.0.113.7"]],
    ]);
    expect(owed.due().map(({ door, again }) => [door, again])).toEqual([["gate", true]]);
    owed.close();
  });

  test("audit-v1.db: what happened to an early daemon is told in the sentences of now", () => {
    using folder = withKept("audit", 1);
    expect(told(folder)).toEqual([
      "Started sallyport 0.1.0",
      "Opened ssh (22/tcp) to 203.0.113.7 for 29s: by alice/laptop, 0.40 ms after the last knock",
      "Closed ssh to 203.0.113.7: its time is over",
      expect.stringMatching(
        /^Refused 198\.51\.100\.9: the knock of alice\/laptop for ssh was used/,
      ),
      expect.stringMatching(/^Repaired the guard in 3\.0 ms: .* 1 grant put back$/),
      "Stopped by SIGTERM",
    ]);
  });
});

describe("taking a file over", () => {
  test.each([
    ["before", 1],
    ["after", 2],
  ])("killed %s its commit, leaves a file of version %i that loses nothing", (when, version) => {
    using folder = withKept("uses", 1);
    const script = join(import.meta.dir, "migrator.ts");
    const killed = spawnSync([process.execPath, script, folder.file("uses.db"), when]);
    expect(killed.signalCode).toBe("SIGKILL");
    expect(versionIn(folder, "uses")).toBe(version);
    const { store, trust } = folder.openUses();
    expect([trust, store.all().map(({ door }) => door)]).toEqual([
      "complete",
      ["slow", "ssh", "web"],
    ]);
    store.close(NOW);
    expect([folder.notices, versionIn(folder, "uses")]).toEqual([[], 2]);
  });
});

/** As a later sallyport leaves it: of the next version, with a table that this one does not know. */
function makeLater(folder: StateFolder, kind: Kind): Buffer<ArrayBuffer> {
  const path = folder.file(`${kind}.db`);
  using database = new Database(path, { readwrite: true });
  database.run("CREATE TABLE news (of_later TEXT) STRICT");
  database.run("INSERT INTO news VALUES ('what only a later sallyport understands')");
  database.run(`PRAGMA user_version = ${VERSIONS[kind] + 1}`);
  database.run("PRAGMA journal_mode = DELETE");
  return readFileSync(path);
}

const leftAlone = (kind: Kind, without: string) => {
  const [next, known] = [VERSIONS[kind] + 1, VERSIONS[kind]];
  return expect.stringMatching(
    new RegExp(
      `^Cannot write .*/${kind}\\.db: a later sallyport wrote it \\(version ${next}, this one knows ${known}\\): ${without}: run that one again, or move the file away$`,
    ),
  );
};

describe("a file of a later version", () => {
  test("uses.db keeps every byte; the daemon goes on from memory, and waits at each start", () => {
    using folder = new StateFolder();
    folder.openUses().store.close(NOW);
    const bytes = makeLater(folder, "uses");
    for (let start = 0; start < 2; start++) {
      const { store, ...judged } = folder.openUses();
      expect(judged).toEqual({
        trust: "lost",
        reason: "a later sallyport wrote the record of used knocks",
      });
      store.record(useAt(100));
      expect([store.flush(), store.all()]).toEqual([false, [useAt(100)]]);
      store.close(NOW);
    }
    expect(readFileSync(folder.file("uses.db"))).toEqual(bytes);
    expect(readdirSync(folder.path).sort()).toEqual(["uses-doubtful", "uses-unwritten", "uses.db"]);
    expect(folder.notices.map(({ state, message }) => `${state} ${message}`)).toHaveLength(2);
    expect(folder.notices[0]!.message).toEqual(
      leftAlone("uses", "uses of knocks are remembered only until a reboot"),
    );
  });

  test("uses.db: the later sallyport is told that a run is missing in it, once", () => {
    using folder = new StateFolder();
    const path = folder.file("uses.db");
    folder.openUses().store.close(NOW);
    copyFileSync(path, folder.file("copy"));
    makeLater(folder, "uses");
    folder.openUses().store.close(NOW);
    // The later one reads a file of its own, of the same boot, whose run ended in order.
    renameSync(folder.file("copy"), path);
    const { store, ...judged } = folder.openUses();
    expect(judged).toEqual({
      trust: "lost",
      reason: "an earlier sallyport ran meanwhile and could not write down what was used",
    });
    store.doubt(undefined);
    store.close(NOW);
    const { store: next, trust } = folder.openUses(NEXT_BOOT);
    expect(trust).toBe("complete");
    next.close(NOW);
  });

  test("uses.db, moved away while the daemon runs, gives way to all that memory has", () => {
    using folder = new StateFolder();
    folder.openUses().store.close(NOW);
    makeLater(folder, "uses");
    const { store } = folder.openUses();
    store.record(useAt(100));
    store.flush();
    renameSync(folder.file("uses.db"), folder.file("uses.db.later"));
    expect(store.flush()).toBe(true);
    expect(folder.notices.map(({ state }) => state)).toEqual(["failing", "working"]);
    store.doubt(undefined);
    store.close(NOW);
    const { store: next, trust } = folder.openUses(NEXT_BOOT);
    expect([trust, next.all()]).toEqual(["complete", [useAt(100)]]);
    next.close(NOW);
  });

  test("owed.db keeps every byte; what is owed from now on is owed in memory", () => {
    using folder = new StateFolder();
    openOwed(folder).close();
    const bytes = makeLater(folder, "owed");
    const owed = openOwed(folder);
    const debt = { door: "lights", address: "203.0.113.7", argv: ["/bin/true"], endsMs: NOW };
    owed.owe({ grant: "a", privileged: false, ...debt });
    expect(owed.end("a")?.grant).toBe("a");
    owed.close();
    expect(readFileSync(folder.file("owed.db"))).toEqual(bytes);
    expect(folder.notices.map(({ message }) => message)).toEqual([
      leftAlone("owed", "close commands are remembered only as long as this daemon lives"),
    ]);
  });

  test("audit.db keeps every byte, is not shown, and the reader says why", () => {
    using folder = new StateFolder();
    openAudit(folder).close();
    const bytes = makeLater(folder, "audit");
    const audit = openAudit(folder);
    audit.add(opened(NOW));
    expect(audit.flush()).toBe(false);
    audit.close();
    expect(readFileSync(folder.file("audit.db"))).toEqual(bytes);
    expect(folder.notices.map(({ message }) => message)).toEqual([
      leftAlone("audit", "events are not kept"),
    ]);
    expect(() => told(folder)).toThrow(
      `Cannot show the log: a later sallyport wrote ${folder.file("audit.db")} (version 2, this one knows 1): run that one`,
    );
  });

  test("audit.db of an earlier version that nobody took over yet is not called damaged", () => {
    using folder = new StateFolder();
    openAudit(folder).close();
    using database = new Database(folder.file("audit.db"), { readwrite: true });
    database.run("PRAGMA user_version = 0");
    expect(() => told(folder)).toThrow("start sallyport serve, which takes it over");
  });
});

describe("owed.db", () => {
  test("with rows that no sallyport wrote is put aside, and the others are owed", () => {
    using folder = new StateFolder();
    const first = openOwed(folder);
    const debt = { door: "lights", address: "203.0.113.7", argv: ["/bin/true"], endsMs: NOW };
    for (const grant of ["a", "b", "c"]) first.owe({ grant, privileged: false, ...debt });
    first.close();
    const rotten = new Database(folder.file("owed.db"), { readwrite: true });
    rotten.run("UPDATE debts SET debt = 'no JSON' WHERE number = 1");
    rotten.run(`UPDATE debts SET debt = '{"grant":"b","argv":[]}' WHERE number = 2`);
    rotten.close();
    const owed = openOwed(folder);
    expect(owed.living().map(({ grant }) => grant)).toEqual(["c"]);
    owed.close();
    expect(folder.notices.map(({ state }) => state)).toEqual(["replaced"]);
    expect(
      openOwed(folder)
        .living()
        .map(({ grant }) => grant),
    ).toEqual(["c"]);
  });

  test("that could not be read at a start keeps what it owes for the next one", () => {
    using folder = new StateFolder();
    const debt = { door: "lights", address: "203.0.113.7", argv: ["/bin/true"], endsMs: NOW };
    const first = openOwed(folder);
    first.owe({ grant: "before", privileged: false, ...debt });
    first.close();
    renameSync(folder.file("owed.db"), folder.file("copy"));
    openOwed(folder).close();
    makeLater(folder, "owed");
    const second = openOwed(folder);
    second.owe({ grant: "meanwhile", privileged: false, ...debt });
    rmSync(folder.file("owed.db"));
    renameSync(folder.file("copy"), folder.file("owed.db"));
    second.owe({ grant: "after", privileged: false, ...debt });
    second.close();
    const grants = openOwed(folder)
      .living()
      .map(({ grant }) => grant);
    expect(grants.sort()).toEqual(["after", "before", "meanwhile"]);
  });
});
