/** The order of threads. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { run } from "../../support/programs.ts";

const MODULE = join(import.meta.dir, "../../../src/native/thread-priority.ts");

/** Nice values and policies of the process's threads: of the one that calls first, then those of all others. */
const SCRIPT = `
  import { readdirSync, readFileSync } from "node:fs";
  import { preferThread, standInFront, threadId } from ${JSON.stringify(MODULE)};
  const nice = (id) => {
    const fields = readFileSync("/proc/self/task/" + id + "/stat", "utf8").split(") ")[1].split(" ");
    return fields[16] + "/" + { 0: "other", 3: "batch" }[fields[38]]; // proc_pid_stat(5), from the third field on
  };
  const own = threadId();
  const others = readdirSync("/proc/self/task").map(Number).filter((id) => id !== own);
  const show = () => console.log(nice(own), [...new Set(others.map(nice))].join(" "));
  new Worker("data:text/javascript,"); // some threads more
  show();
  preferThread(own);
  show();
  preferThread(others[0]);
  console.log(nice(own));
  standInFront(process.pid);
  console.log(nice(own));
`;

test("preferThread() lets all other threads stand behind one, and standInFront() takes it back for a process", () => {
  const { out } = run([process.execPath, "-e", SCRIPT]);
  const lines = out.trim().split("\n");
  expect(lines.slice(0, 3)).toEqual(["0/other 0/other", "0/other 10/batch", "10/batch"]);
  // Only with CAP_SYS_NICE, or where RLIMIT_NICE allows it.
  expect(["0/other", "10/other"]).toContain(lines[3]!);
});
