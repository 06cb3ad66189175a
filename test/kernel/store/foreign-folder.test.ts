/**
 * A daemon of root in another user's state folder: its files belong to that user, and no file of
 * root's is touched.
 */

import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AuditLog } from "../../../src/store/audit.ts";
import { AuditReader } from "../../../src/store/audit-query.ts";
import { type Debt, OwedCommands } from "../../../src/store/owed.ts";
import { grantOf, NOW, opened, StateFolder, useAt } from "../../support/store.ts";

const OWNER = 61_234;

/** Only root may write above it, as above /var/lib/sallyport. */
const parent = mkdtempSync(join(tmpdir(), "sallyport-foreign-"));
chmodSync(parent, 0o755);
afterAll(() => rmSync(parent, { recursive: true }));

function foreignFolder(): StateFolder {
  const folder = new StateFolder(parent);
  chownSync(folder.path, OWNER, OWNER);
  return folder;
}

function writeBoth(folder: StateFolder): void {
  const { store } = folder.openUses();
  const log = new AuditLog(folder.path, { nowMs: NOW, report: folder.report });
  store.record(useAt(7));
  log.add(opened(NOW, grantOf("203.0.113.7")));
  store.flush();
  log.flush();
  expect(ownersIn(folder)).toEqual([OWNER]);
  store.close(NOW);
  log.close();
}

function ownersIn(folder: StateFolder): number[] {
  return [...new Set(readdirSync(folder.path).map((name) => statSync(folder.file(name)).uid))];
}

describe("the stores, run by root in another user's folder", () => {
  test("leave every file to him, so that his own daemon can go on with them", () => {
    using folder = foreignFolder();
    writeBoth(folder);
    expect(readdirSync(folder.path)).toContain("clean-stop");
    expect(ownersIn(folder)).toEqual([OWNER]);
    expect(folder.notices).toEqual([]);
    using reader = new AuditReader(folder.path);
    expect([...reader.query({})]).toHaveLength(1);
  });

  test("run nothing of what his daemon owes, and leave it to that daemon", () => {
    using folder = foreignFolder();
    const openOwed = () => new OwedCommands(folder.path, { nowMs: NOW, report: folder.report });
    const debtOf = (grant: string): Debt => ({
      grant,
      door: "ssh",
      address: "203.0.113.7",
      argv: ["/bin/sh", "-c", "whatever he likes"],
      privileged: true,
      endsMs: NOW,
    });
    chownSync(folder.path, 0, 0);
    const his = openOwed();
    for (const grant of ["due", "living"]) his.owe(debtOf(grant));
    his.end("due");
    his.close();
    for (const path of [folder.path, folder.file("owed.db")]) chownSync(path, OWNER, OWNER);

    const roots = openOwed();
    expect([roots.due(), roots.living(), roots.end("living")]).toEqual([[], [], undefined]);
    expect([roots.dueCount, roots.leftCount]).toEqual([0, 2]);
    roots.owe(debtOf("living"));
    roots.owe(debtOf("root's own"));
    const paid = roots.end("root's own")!;
    expect(paid.number).toBeGreaterThan(2);
    roots.settle(paid.number);
    roots.close();

    for (const path of [folder.path, folder.file("owed.db")]) chownSync(path, 0, 0);
    const again = openOwed();
    expect(again.due()).toEqual([{ ...debtOf("due"), number: 1, again: false }]);
    expect(again.living()).toEqual([debtOf("living")]);
    expect(again.leftCount).toBe(0);
    again.close();
  });

  test.each([
    ["links", symlinkSync],
    ["hard links", linkSync],
  ])("write through none of his %s to a file of root's", (_, link) => {
    using other = new StateFolder();
    const victim = other.file("victim");
    const names = ["uses.db", "uses.db-wal", "audit.db", "audit.db-shm", "clean-stop"];
    for (const name of names) {
      writeFileSync(victim, "root's own\n", { mode: 0o600 });
      using fresh = foreignFolder();
      link(victim, fresh.file(name));
      const { store } = fresh.openUses();
      const log = new AuditLog(fresh.path, { nowMs: NOW, report: fresh.report });
      store.record(useAt(7));
      log.add(opened(NOW));
      store.close(NOW);
      log.close();
      expect(statSync(victim)).toMatchObject({ uid: 0, mode: 0o100600 });
      expect(readFileSync(victim, "utf8")).toBe("root's own\n");
    }
  });
});
