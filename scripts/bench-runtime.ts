/**
 * What of sallyport's start, memory and idleness is the runtime's own: `bun scripts/bench-runtime.ts [SECONDS]`, as root.
 * Beside the executable of dist/ stands one of an empty program, compiled alike: a thread and a server that nobody
 * asks. Prints for both, in turns, the time until ready (median of ten starts), the memory in silence, and who woke up
 * how often in SECONDS of it (30).
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SERVICE_PORT } from "../test/bench/contestant.ts";
import { RunningSallyport } from "../test/bench/contestants/sallyport.ts";
import { median, rounded } from "../test/bench/figures.ts";
import { countSwitches, residentOf, type Switches } from "../test/bench/process.ts";
import { Stage } from "../test/bench/stage.ts";
import { waitFor } from "../test/support/peer-daemon.ts";
import { run, spawn } from "../test/support/programs.ts";

const SECONDS = Number(process.argv[2] ?? 30);
if (!(SECONDS > 0 && Number.isFinite(SECONDS))) {
  console.error("scripts/bench-runtime.ts: SECONDS is a number above 0");
  process.exit(64);
}
/** The runtime looks after its memory every second for the first half minute. */
const SETTLE_MS = 45_000;
const STARTS = 10;

const MAIN = `new Worker("./thread.ts").onmessage = () => {
  Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
  console.log("ready");
};`;
const THREAD = "postMessage(1);";

using stage = await Stage.set([SERVICE_PORT]);
await using sallyport = await RunningSallyport.start(stage, { users: 10 });
const dir = mkdtempSync(join(tmpdir(), "sallyport-runtime-"));
let child: Bun.Subprocess<"ignore", "pipe", "inherit"> | undefined;
try {
  writeFileSync(join(dir, "main.ts"), MAIN);
  writeFileSync(join(dir, "thread.ts"), THREAD);
  const flags = ["--compile", "--bytecode", "--format=esm", "--outfile=empty"];
  run([process.execPath, "build", ...flags, "main.ts", "thread.ts"], { cwd: dir });
  const begin = async () => {
    child = spawn([join(dir, "empty")], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    await waitFor(child.stdout, /ready/);
  };
  const end = async () => {
    child?.kill();
    await child?.exited;
  };

  const starts = { empty: [] as number[], sallyport: [] as number[] };
  for (let i = 0; i < STARTS; i++) {
    await end();
    const began = performance.now();
    await begin();
    starts.empty.push(performance.now() - began);
    starts.sallyport.push(await sallyport.bootMs());
  }

  await Bun.sleep(SETTLE_MS);
  const pids = { empty: child!.pid, sallyport: sallyport.server.pid };
  const before = countSwitches(Object.values(pids));
  await Bun.sleep(SECONDS * 1_000);
  const after = countSwitches(Object.values(pids));

  for (const name of ["empty", "sallyport"] as const) {
    const pid = pids[name];
    const { rss, anonymous } = residentOf([pid]);
    console.log(
      `${name}: ready in ${rounded(median(starts[name]))} ms, ${rounded(rss / 1e6)} MB resident, ` +
        `${rounded(anonymous / 1e6)} of its own, ${wakeUps(pid, before, after)}`,
    );
  }
  await end();
} finally {
  child?.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
}

/** "1.2 wake-ups a second: 0.6 mi-scavenger, 0.4 sallyport, 0.2 Worker" */
function wakeUps(pid: number, before: Switches, after: Switches): string {
  const woken = new Map<string, number>();
  for (const [thread, count] of after) {
    const [process, task] = thread.split("/");
    if (Number(process) !== pid) continue;
    const name = readFileSync(`/proc/${pid}/task/${task}/comm`, "utf8").trim();
    const times = (count - (before.get(thread) ?? 0)) / SECONDS;
    if (times > 0) woken.set(name, (woken.get(name) ?? 0) + times);
  }
  const all = [...woken].toSorted((a, b) => b[1] - a[1]);
  const each = all.map(([name, times]) => `${rounded(times)} ${name}`).join(", ");
  return `${rounded(all.reduce((sum, [, times]) => sum + times, 0))} wake-ups a second: ${each}`;
}
