/**
 * Plays trials one after the other, each in a process of its own that is ended when it takes too long:
 *
 *     bun test/torture/run.ts [--quick] [PROMISE…]
 *     bun test/torture/run.ts --again
 *
 * Prints the table; a full run of everything also writes docs/torture.md. With --again, what the last full run
 * found broken is played once more, and docs/torture.md tells both. Exits 1 unless all held.
 */

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Lab } from "../support/lab.ts";
import { renderReport, type Row } from "./report.ts";
import { TRIALS } from "./trials.ts";
import type { Finding, Peer, Scale, Trial } from "./trial.ts";
import { spawn } from "../support/programs.ts";

/** A trial that is not over by then has failed. */
const TRIAL_MS = 240_000;

/** The whole run, whatever the trials do. */
const RUN_MS = 25 * 60_000;

const DOCS = join(import.meta.dir, "../../docs/torture.md");

/** The findings of the last full run, for --again. */
const LAST = join(import.meta.dir, "../../.cache/torture.json");

interface Run {
  readonly seconds: number;
  readonly rows: readonly Row[];
}

/** Plays one trial in a child and returns its last output. */
async function play(index: number, scale: Scale, limitMs: number, peer?: Peer): Promise<Finding> {
  if (limitMs <= 0) return { held: false, measured: "not played: the run was over before" };
  // Files that a killed child leaves behind are in one folder.
  const scratch = mkdtempSync(join(tmpdir(), "sallyport-torture-"));
  chmodSync(scratch, 0o711); // daemons of other users work below it
  try {
    const argv = [join(import.meta.dir, "play.ts"), String(index), scale, ...(peer ? [peer] : [])];
    const child = spawn([process.execPath, ...argv], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, TMPDIR: scratch },
      timeout: limitMs,
      killSignal: "SIGKILL",
    });
    const [out, err] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    const last = out.trim().split("\n").at(-1) ?? "";
    if (child.exitCode === 0) return JSON.parse(last) as Finding;
    const said = /^error: .*/m.exec(err)?.[0] ?? err.trim().split("\n").at(-1) ?? "";
    const ended = child.exitCode === null ? `ended after ${limitMs / 1_000} s` : "failed";
    return { held: false, measured: `the trial ${ended}${said && `: ${said}`}` };
  } finally {
    // A new lab removes those of dead processes.
    new Lab()[Symbol.dispose]();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The last full run, with its broken trials played once more. */
async function playAgain(): Promise<Run> {
  if (!existsSync(LAST)) {
    console.error("scripts/torture: no full run has been here: run it without --again first");
    process.exit(64);
  }
  const { seconds, rows } = JSON.parse(readFileSync(LAST, "utf8")) as Run;
  const played: Row[] = [];
  for (const row of rows) {
    const index = TRIALS.findIndex(
      ({ promise, attack }) => promise === row.trial.promise && attack === row.trial.attack,
    );
    if (row.finding.held || index < 0) {
      played.push(row);
      continue;
    }
    const began = performance.now();
    const finding = await play(index, "full", TRIAL_MS);
    const again: Row = { ...row, finding, first: row.first ?? row.finding.measured };
    announce(row.trial, again, performance.now() - began);
    played.push(again);
  }
  return { seconds, rows: played };
}

async function playAll(wanted: readonly string[], scale: Scale): Promise<Row[]> {
  const deadline = performance.now() + RUN_MS;
  const left = () => Math.min(TRIAL_MS, deadline - performance.now());
  const rows: Row[] = [];
  for (const [i, trial] of TRIALS.entries()) {
    if (wanted.length > 0 && !wanted.includes(trial.promise)) continue;
    const began = performance.now();
    const finding = await play(i, scale, left());
    const peers: Partial<Record<Peer, Finding>> = {};
    const beside = scale === "full" ? (Object.keys(trial.peers ?? {}) as Peer[]) : [];
    for (const peer of beside) peers[peer] = await play(i, scale, left(), peer);
    const row: Row = { trial, finding, peers };
    rows.push(row);
    announce(trial, row, performance.now() - began);
  }
  return rows;
}

function announce({ promise, attack }: Trial, { finding, peers }: Row, ms: number): void {
  const mark = finding.held ? "held  " : "BROKEN";
  console.log(`${mark} ${promise.padEnd(3)} ${attack} (${(ms / 1_000).toFixed(1)} s)`);
  console.log(`           ${finding.measured}`);
  for (const [peer, other] of Object.entries(peers)) {
    console.log(`           beside it, ${peer}: ${other.measured}`);
  }
}

const words = process.argv.slice(2);
const scale: Scale = words.includes("--quick") ? "quick" : "full";
const again = words.includes("--again");
const wanted = words.filter((word) => word !== "--quick" && word !== "--again");
const unknown = wanted.find((word) => !TRIALS.some(({ promise }) => promise === word));
if (unknown !== undefined) {
  console.error(`scripts/torture: no promise "${unknown}": write some of P1 to P34, or nothing`);
  process.exit(64);
}
const began = performance.now();
const { rows, seconds }: Run = again
  ? await playAgain()
  : { rows: await playAll(wanted, scale), seconds: (performance.now() - began) / 1_000 };
const broken = rows.filter(({ finding }) => !finding.held).length;
if (wanted.length === 0 && scale === "full") {
  mkdirSync(dirname(LAST), { recursive: true });
  writeFileSync(LAST, JSON.stringify({ seconds, rows } satisfies Run));
  writeFileSync(DOCS, renderReport(rows, seconds));
}
console.log(`${rows.length - broken} held, ${broken} broken, ${Math.round(seconds)} s`);
process.exit(broken === 0 ? 0 : 1);
