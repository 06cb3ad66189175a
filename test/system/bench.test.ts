/**
 * The bench itself: a quick run yields figures of all contestants, and honest knocks open. Asserts
 * no time.
 */

import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "../support/executable.ts";
import type { Row } from "../bench/measure.ts";
import type { Result } from "../bench/result.ts";
import { spawn } from "../support/programs.ts";

const BENCH = new URL("../bench/run.ts", import.meta.url).pathname;

/** A quick run takes about a minute on two idle cores. */
const LIMIT_MS = 600_000;

function saysSomething({ figures, note }: Row): boolean {
  const values = Object.values(figures);
  return (values.length > 0 && values.every(Number.isFinite)) || note !== undefined;
}

test(
  "scripts/bench --quick measures every contestant, and honest knocks open",
  async () => {
    const dir = mkdtempSync(join(tmpdir(), "sallyport-bench-"));
    try {
      const files = ["--json", join(dir, "result.json"), "--svg", join(dir, "chart.svg")];
      const child = spawn([process.execPath, BENCH, "--quick", ...files], {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        env: { ...process.env, SALLYPORT: EXECUTABLE },
      });
      const [out, err] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ]);
      expect(child.exitCode, err).toBe(0);
      expect(out).toContain("measures in");
      const result = JSON.parse(readFileSync(join(dir, "result.json"), "utf8")) as Result;
      const everybody: string[] = result.contestants.map(({ name }) => name);
      for (const { id, rows } of result.measures) {
        const seen: string[] = [...new Set(rows.map(({ contestant }) => contestant))].toSorted();
        const expected = id === "B1" ? [...everybody, "bare"] : everybody;
        expect({ id, seen }).toEqual({ id, seen: expected.toSorted() });
        expect([id, rows.filter((row) => !saysSomething(row))]).toEqual([id, []]);
      }
      const idle = result.measures.find(({ id }) => id === "B1")!.rows;
      for (const { contestant, figures } of idle) {
        // Peers miss a knock now and then, also on an idle machine.
        const least = ["sallyport", "nft", "bare"].includes(contestant) ? 100 : 1;
        expect([contestant, figures["openedPercent"]! >= least]).toEqual([contestant, true]);
      }
      expect(readFileSync(join(dir, "chart.svg"), "utf8")).toContain("nftables alone");
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  },
  LIMIT_MS,
);
