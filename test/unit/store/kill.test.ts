/** kill -9 in the middle of writing: every row reported as written is in the file. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { AuditReader } from "../../../src/store/audit-query.ts";
import { OwedCommands } from "../../../src/store/owed.ts";
import { NOW, StateFolder } from "../../support/store.ts";
import { spawn } from "../../support/programs.ts";

/**
 * Runs the writer until it has reported `rows` rows and kills it at whatever point it is. Returns
 * the last row reported.
 */
async function killedAfter(folder: StateFolder, rows: number): Promise<number> {
  const child = spawn(
    [process.execPath, join(import.meta.dir, "../../support/store-writer.ts"), folder.path],
    {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  let told = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    told += decoder.decode(bytes, { stream: true });
    // It writes on while the signal is on its way, so every run dies somewhere else.
    if (told.split("\n").length > rows) child.kill("SIGKILL");
  }
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  return Number(told.split("\n").at(-2));
}

test("uses, debts and events that were acknowledged are there after a kill -9", async () => {
  for (const rows of [1, 7, 40, 41, 90]) {
    using folder = new StateFolder();
    const last = await killedAfter(folder, rows);
    expect(last).toBeGreaterThanOrEqual(rows);

    const { store, trust } = folder.openUses();
    expect(trust).toBe("complete");
    expect(store.all()[0]!.slot).toBeGreaterThanOrEqual(last);
    store.close(NOW);

    using reader = new AuditReader(folder.path);
    const times = [...reader.query({})].map(({ atMs }) => atMs - NOW);
    expect(times.length).toBeGreaterThanOrEqual(last);
    expect(times).toEqual(times.map((_, i) => i + 1));

    const owed = new OwedCommands(folder.path, { nowMs: NOW, report: folder.report });
    const due = new Map(owed.due().map(({ grant, again }) => [grant, again]));
    for (let n = 1; n <= last; n++) {
      // Ended in the row after the last reported one, which may or may not be begun or settled.
      if (n === last - 19) continue;
      const ended = n <= last - 20;
      const settled = ended && n % 2 === 0;
      expect([n, due.get(String(n))]).toEqual([n, ended && !settled ? true : undefined]);
      expect([n, owed.end(String(n))?.again]).toEqual([n, ended ? undefined : false]);
    }
    owed.close();
    expect(folder.notices).toEqual([]);
  }
}, 60_000);
