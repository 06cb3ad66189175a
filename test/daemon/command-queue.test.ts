/** The queue of commands: how many at once, in which order, for how long; with real processes. */

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type Command, CommandQueue } from "../../src/daemon/command-queue.ts";
import { StateFolder } from "../store/support.ts";

const LIMIT_MS = 20_000;

function queueOf(timeLimitMs?: number) {
  const lines: string[] = [];
  const queue = new CommandQueue((level, line) => lines.push(`${level} ${line}`), timeLimitMs);
  /** Adds a privileged command; resolves with its outcome. */
  const run = (argv: readonly string[], more: Partial<Command> = {}) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    queue.add({ argv, privileged: true, what: "ssh and 203.0.113.7", ended: resolve, ...more });
    return promise;
  };
  return { queue, lines, run };
}

const shell = (script: string, ...rest: string[]) => ["/bin/sh", "-c", script, "sh", ...rest];

/** Waits until the file is there, or its folder is gone: a test that fails leaves no process behind. */
const WAIT = 'until [ -e "$1" ] || [ ! -d "${1%/*}" ]; do sleep 0.02; done';
const untilMade = (path: string) => shell(WAIT, path);

describe("CommandQueue", () => {
  test(
    "tells how each command ended, once, and that it had started before",
    async () => {
      const { run, lines } = queueOf();
      const started: string[] = [];
      const outcomes = await Promise.all(
        [["/bin/true"], ["/bin/sh", "-c", "exit 3"], ["/nonexistent/program"]].map((argv) =>
          run(argv, { started: () => void started.push(argv[0]!) }),
        ),
      );
      expect(outcomes[0]).toBe("exited with 0");
      expect(outcomes[1]).toBe("exited with 3");
      expect(outcomes[2]).toStartWith("could not be started: ");
      expect(started.sort()).toEqual(["/bin/sh", "/bin/true", "/nonexistent/program"]);
      expect(lines).toContain("info Ran /bin/true for ssh and 203.0.113.7");
      expect(lines).toContain("warning /bin/sh for ssh and 203.0.113.7 exited with 3");
      expect(lines.find((line) => line.startsWith("error"))).toStartWith(
        "error Cannot run /nonexistent/program for ssh and 203.0.113.7: ",
      );
    },
    LIMIT_MS,
  );

  test(
    "kills a command at its time limit, and says which limit that was",
    async () => {
      const { run, lines } = queueOf(300);
      const outcome = "was ended by SIGKILL; a command has 0.3 s";
      expect(await run(shell('trap "" TERM; exec sleep 60'))).toBe(outcome);
      expect(lines).toEqual([`warning /bin/sh for ssh and 203.0.113.7 ${outcome}`]);
    },
    LIMIT_MS,
  );

  test(
    "passes nothing on: no argument is read by a shell, no environment, no descriptor",
    async () => {
      using folder = new StateFolder();
      const { run } = queueOf();
      const script =
        'printf "%s\\n" "$2" > "$1"; env >> "$1"; ls /proc/self/fd >> "$1"; pwd >> "$1"';
      await run(shell(script, folder.file("out"), "$(id); `id` ; 'x"));
      const [argument, ...rest] = readFileSync(folder.file("out"), "utf8").trim().split("\n");
      expect(argument).toBe("$(id); `id` ; 'x");
      // What a shell sets by itself, and what the queue gives.
      const own = new Set(["LANG", "OLDPWD", "PATH", "PWD", "SHLVL", "_"]);
      const names = rest.flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []);
      expect(names).toContain("LANG");
      expect(names.filter((name) => !own.has(name))).toEqual([]);
      // 0, 1 and 2, and the one that ls reads the folder through.
      expect(rest.filter((line) => /^\d+$/.test(line))).toEqual(["0", "1", "2", "3"]);
      expect(rest.at(-1)).toBe("/");
    },
    LIMIT_MS,
  );

  test(
    "runs one chain in order, and others beside it",
    async () => {
      using folder = new StateFolder();
      const { run } = queueOf();
      const log = folder.file("log");
      const say = (word: string) => shell('echo "$2" >> "$1"', log, word);
      const slow = shell(`${WAIT}; echo on >> "$2"`, folder.file("go"), log);
      const first = run(slow, { chain: "a" });
      const second = run(say("off"), { chain: "a" });
      await run(say("other"), { chain: "b" });
      expect(readFileSync(log, "utf8")).toBe("other\n");
      writeFileSync(folder.file("go"), "");
      await Promise.all([first, second]);
      expect(readFileSync(log, "utf8")).toBe("other\non\noff\n");
    },
    LIMIT_MS,
  );

  test(
    "runs four at a time; the fifth starts when one has ended",
    async () => {
      using folder = new StateFolder();
      const { run } = queueOf();
      const started: number[] = [];
      const all = [0, 1, 2, 3, 4].map((i) =>
        run(untilMade(folder.file(`${i}`)), { started: () => void started.push(i) }),
      );
      expect(started).toEqual([0, 1, 2, 3]);
      writeFileSync(folder.file("2"), "");
      await all[2];
      while (started.length < 5) await Bun.sleep(1);
      expect(started).toEqual([0, 1, 2, 3, 4]);
      for (const i of [0, 1, 3, 4]) writeFileSync(folder.file(`${i}`), "");
      await Promise.all(all);
    },
    LIMIT_MS,
  );

  test(
    "refuses what comes when 1,024 wait, says so, and starts nothing after stop()",
    async () => {
      using folder = new StateFolder();
      const { queue, run, lines } = queueOf();
      const blocked = Array.from({ length: 4 }, () => run(untilMade(folder.file("go"))));
      const waiting = {
        argv: ["/bin/touch", folder.file("late")],
        privileged: true,
        what: "lights and 203.0.113.8",
      };
      const taken = Array.from({ length: 1_024 }, () => queue.add(waiting));
      expect(taken).not.toContain(false);
      expect(queue.add(waiting)).toBe(false);
      expect(lines).toEqual([
        "error Cannot run /bin/touch for lights and 203.0.113.8: 1024 commands wait already",
      ]);
      queue.stop();
      writeFileSync(folder.file("go"), "");
      expect(await Promise.all(blocked)).toEqual(Array(4).fill("exited with 0"));
      expect(existsSync(folder.file("late"))).toBe(false);
    },
    LIMIT_MS,
  );
});
