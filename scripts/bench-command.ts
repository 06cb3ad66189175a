/**
 * What starting a door's command costs: `bun scripts/bench-command.ts [TIMES]`, as root. Prints the median time in
 * milliseconds of TIMES (200) starts of `true`, start to end, in turns: as the daemon does it, from a thread without
 * privileges; alone, with the privileges of the caller; by setpriv(1); and what one start of the executable of dist/ takes.
 */

import { BareLauncher } from "../src/control-plane/commands/bare-launcher.ts";
import { median, rounded } from "../test/bench/figures.ts";
import { EXECUTABLE } from "../test/support/executable.ts";
import { spawn } from "../test/support/programs.ts";

const TIMES = Number(process.argv[2] ?? 200);
if (!(TIMES > 0 && Number.isFinite(TIMES))) {
  console.error("scripts/bench-command.ts: TIMES is a number above 0");
  process.exit(64);
}
const LIMIT_MS = 10_000;
const SETPRIV = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "true"];

const launcher = new BareLauncher();
const ended = async (argv: readonly string[]) => {
  const io = { stdin: "ignore", stdout: "ignore", stderr: "inherit" } as const;
  const code = await spawn([...argv], io).exited;
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}`);
};
const ways = [
  {
    name: "from the thread without privileges",
    start: async () => void (await (await launcher.start(["true"], LIMIT_MS)).ended),
  },
  { name: "alone", start: () => ended(["true"]) },
  { name: "by setpriv", start: () => ended(SETPRIV) },
  { name: "a start of the executable", start: () => ended([EXECUTABLE, "version"]) },
].map((way) => ({ ...way, ms: [] as number[] }));

for (const { start } of ways) await start();
for (let turn = 0; turn < TIMES; turn++) {
  for (const { start, ms } of ways) {
    const began = performance.now();
    await start();
    ms.push(performance.now() - began);
  }
}
for (const { name, ms } of ways) console.log(`${name}: ${rounded(median(ms))} ms`);
process.exit(0);
