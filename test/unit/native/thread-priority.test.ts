/** The order of threads. */

import { expect, test } from "bun:test";
import { getPriority } from "node:os";
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

/** What SCRIPT prints when it starts `by` steps behind the run of the tests, which may itself be nice. */
const shown = (by: number) =>
  run(["nice", "-n", `${by}`, process.execPath, "-e", SCRIPT])
    .out.trim()
    .split("\n");

const USUAL = getPriority();

test.each([0, 3, 19])(
  "preferThread() lets all other threads stand behind one that is %d steps behind others",
  (by) => {
    const own = Math.min(USUAL + by, 19);
    const behind = Math.min(own + 10, 19);
    expect(shown(by).slice(0, 2)).toEqual([
      `${own}/other ${own}/other`,
      `${own}/other ${behind}/batch`,
    ]);
  },
);

test("preferThread() lets the thread that calls stand behind another one, and standInFront() takes it back for a process", () => {
  const [, , behind, back] = shown(0);
  // The preferred one stands behind already.
  expect(behind).toBe("19/batch");
  // Only with CAP_SYS_NICE, or where RLIMIT_NICE allows it.
  expect(["0/other", "19/other"]).toContain(back!);
});
