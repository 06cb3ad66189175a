/** The stores on a failing disk; run by `onTmpfs`, which mounts it. Prints one line of JSON. */

import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AuditLog } from "../../../src/store/audit.ts";
import { AuditReader } from "../../../src/store/audit-query.ts";
import { OwedCommands } from "../../../src/store/owed.ts";
import type { StoreNotice } from "../../../src/store/state-file.ts";
import type { Use } from "../../../src/store/use.ts";
import { UseStore } from "../../../src/store/uses.ts";
import { BOOT, NEXT_BOOT, NOW, opened, useAt } from "../../support/store.ts";
import { spawnSync } from "../../support/programs.ts";

const [folder = "", scenario = ""] = process.argv.slice(2);
const notices: StoreNotice[] = [];
const report = (notice: StoreNotice) => void notices.push(notice);
const told = () => notices.splice(0).map(({ state, message }) => `${state}: ${message}`);
const filler = join(folder, "filler");

function mount(...argv: string[]): void {
  const done = spawnSync(argv);
  if (done.exitCode !== 0) throw new Error(`${argv.join(" ")}: ${done.stderr.toString()}`);
}

/** Takes the last byte of the disk. */
function fill(): void {
  for (let size = 1 << 20; size >= 1; size >>= 1) {
    for (let i = 0; ; i++) {
      try {
        writeFileSync(filler, new Uint8Array(size), { flag: "a" });
      } catch {
        break;
      }
    }
  }
}

const openUses = (bootId: string = BOOT) => UseStore.open(folder, { bootId, nowMs: NOW, report });
const openOwed = () => new OwedCommands(folder, { nowMs: NOW, report });
const openAudit = () => new AuditLog(folder, { nowMs: NOW, report });
const debt = (grant: string) => ({
  grant,
  door: "lights",
  address: "203.0.113.7",
  argv: ["/bin/true"],
  privileged: false,
  endsMs: NOW,
});

function auditCount(): number {
  using reader = new AuditReader(folder);
  return [...reader.query({})].length;
}

/** From the file's header (https://www.sqlite.org/fileformat.html): to read it otherwise takes room on the disk. */
function userVersion(): number {
  return readFileSync(join(folder, "uses.db")).readUInt32BE(60);
}

/** Breaks and mends the disk under running stores. */
function running(breakDisk: () => void, mendDisk: () => void) {
  const { store } = openUses();
  const owed = openOwed();
  const audit = openAudit();
  store.record(useAt(100));
  owed.owe(debt("a"));
  audit.add(opened(NOW));
  const before = [store.flush(), audit.flush(), told()];
  breakDisk();
  // Enough of each that no free room inside a log can take it.
  for (let i = 0; i < 500; i++) {
    store.record(useAt(101 + i));
    owed.owe(debt(`b${i}`));
    audit.add(opened(NOW + i));
  }
  const claimed = owed.end("a")?.grant;
  const broken = [store.flush(), store.flush(), audit.flush(), audit.flush(), store.all()[0]?.slot];
  const brokenNotices = told();
  mendDisk();
  store.seen(NOW + 1);
  owed.settle(1);
  const mended = [store.flush(), audit.flush(), told()];
  store.close(NOW + 2);
  owed.close();
  audit.close();
  const next = openUses(NEXT_BOOT);
  const after = [next.trust, next.store.all()[0]?.slot, openOwed().living().length, auditCount()];
  return { before, claimed, broken, brokenNotices, mended, after };
}

const scenarios: Record<string, () => unknown> = {
  "read-only": () =>
    running(
      // A mount over the folder: the kernel does not remount a file system with files open for
      // writing.
      () => mount("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder),
      () => mount("umount", folder),
    ),
  full: () => running(fill, () => rmSync(filler)),

  "read-only from the start": () => {
    // A run that is killed, so that its last commits are in the log only.
    const killed = spawnSync([
      process.execPath,
      join(import.meta.dir, "../../support/store-writer.ts"),
      folder,
      "once",
    ]);
    mount("mount", "-o", "remount,ro", folder);
    const { store, trust } = openUses();
    const found = store.all().map(({ slot }) => slot);
    store.record(useAt(5_000));
    const audit = openAudit();
    const owed = openOwed();
    audit.add(opened(NOW));
    const written = [store.flush(), audit.flush(), owed.living().map(({ grant }) => grant)];
    const again = [store.flush(), store.all()[0]?.slot];
    const brokenNotices = told();
    store.close(NOW);
    return {
      signal: killed.signalCode,
      trust,
      found,
      written,
      again,
      brokenNotices,
      read: auditCount(),
    };
  },

  "read-only at the start": () => {
    writeFileSync(join(folder, "first-start"), "", { mode: 0o600 });
    openUses().store.close(NOW);
    writeFileSync(join(folder, "first-start"), "", { mode: 0o600 });
    mount("mount", "-o", "remount,ro", folder);
    const { store, trust } = openUses();
    store.record(useAt(100));
    const refused = store.flush();
    mount("mount", "-o", "remount,rw", folder);
    const written = store.flush();
    // No close(): the power goes.
    const left = readdirSync(folder).filter((name) => /^(clean-stop|first-start)$/.test(name));
    return { trust, refused, written, left };
  },

  "read-only after a clean stop": () => {
    openUses().store.close(NOW);
    mount("mount", "-o", "remount,ro", folder);
    const trustWhere = (kept: boolean, bootId = BOOT) =>
      UseStore.open(folder, { bootId, nowMs: NOW, report, kernelKept: () => kept }).trust;
    // No close(): each is killed.
    return {
      kept: trustWhere(true),
      gone: trustWhere(false),
      keptAfterBoot: trustWhere(true, NEXT_BOOT),
      goneAfterBoot: trustWhere(false, NEXT_BOOT),
    };
  },

  "full from the start": () => {
    fill();
    const { store, trust } = openUses();
    const owed = openOwed();
    const audit = openAudit();
    audit.add(opened(NOW));
    store.record(useAt(100));
    owed.owe(debt("a"));
    const broken = [trust, store.flush(), audit.flush(), owed.end("a")?.grant, readdirSync(folder)];
    const brokenNotices = told();
    rmSync(filler);
    store.seen(NOW + 1);
    const mended = [audit.flush(), told().length];
    // The wait is over.
    store.doubt(undefined);
    store.close(NOW + 2);
    audit.close();
    const again = openUses(NEXT_BOOT);
    return { broken, brokenNotices, mended, after: [again.trust, again.store.all()[0]?.slot] };
  },

  "mounted over": () => {
    const { store } = openUses();
    const owed = openOwed();
    const audit = openAudit();
    const before = [store.flush(), audit.flush(), told()];
    mount("mount", "-t", "tmpfs", "tmpfs", folder);
    const others = join(folder, "uses.db");
    copyFileSync(join(import.meta.dir, "../../golden/state/uses-v2.db"), others);
    const bytes = readFileSync(others);
    writeFileSync(join(folder, "keys.toml"), "");
    store.record(useAt(5_000));
    owed.owe(debt("a"));
    audit.add(opened(NOW));
    const written = [store.flush(), audit.flush()];
    const again = [store.flush(), audit.flush()];
    const elsewhere = notices.map((notice) => notice.elsewhere);
    const brokenNotices = told();
    store.close(NOW);
    owed.close();
    audit.close();
    const left = [readFileSync(others).equals(bytes), readdirSync(folder).sort()];
    return { before, written, again, elsewhere, brokenNotices, left };
  },

  "full at a start with an audit log": () => {
    openAudit().close();
    fill();
    openAudit().close();
    return told();
  },

  "full at an upgrade": () => {
    copyFileSync(join(import.meta.dir, "../../golden/state/uses-v1.db"), join(folder, "uses.db"));
    fill();
    const { store, trust } = openUses();
    const doors = (uses: readonly Use[]) => uses.map(({ door }) => door);
    const found = [trust, doors(store.all()), store.flush()];
    const versions = [userVersion()];
    rmSync(filler);
    store.seen(NOW + 1);
    store.close(NOW + 2);
    versions.push(userVersion());
    const next = openUses(NEXT_BOOT);
    return {
      found,
      versions,
      after: [
        next.trust,
        doors(next.store.all()),
        told().filter((one) => one.startsWith("failing")).length,
      ],
    };
  },

  "full at a start after a clean stop": () => {
    openUses().store.close(NOW);
    fill();
    // This run can write nothing, not even a record of itself; the marker of the last stop must not
    // vouch for it.
    const { store, trust } = openUses();
    store.record(useAt(100));
    const written = store.flush();
    rmSync(filler);
    // No close(): the machine goes down.
    const left = readdirSync(folder).filter((name) => name === "clean-stop");
    return { trust, written, left };
  },
};

console.log(JSON.stringify(scenarios[scenario]!()));
