/** The queue of commands: how many at once, in which order, for how long; with real processes. */

import { describe, expect, test } from "bun:test";
import { getPriority } from "node:os";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Counters } from "../../../../src/core/counters.ts";
import {
  type Command,
  CommandQueue,
  type Owed,
} from "../../../../src/control-plane/commands/command-queue.ts";
import { StateFolder } from "../../../support/store.ts";
import { run as programRun } from "../../../support/programs.ts";

const SRC = join(import.meta.dir, "../../../../src");

const LIMIT_MS = 20_000;

function queueOf(timeLimitMs?: number) {
  const lines: string[] = [];
  const counters = new Counters();
  const queue = new CommandQueue({
    log: (level, line) => lines.push(`${level} ${line}`),
    counters,
    ...(timeLimitMs !== undefined && { timeLimitMs }),
  });
  /** Adds a privileged command; resolves with its outcome. */
  const run = (argv: readonly string[], more: Partial<Command> = {}) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const what = "ssh and 203.0.113.7";
    queue.add({ argv, privileged: true, lane: "the door ssh", what, ended: resolve, ...more });
    return promise;
  };
  return { queue, lines, run, counters };
}

/** An owed command that only notes its start. */
const owedUntil = (settle: () => void): Owed => ({
  begin: () => undefined,
  postpone: () => undefined,
  settle,
});

const shell = (script: string, ...rest: string[]) => ["/bin/sh", "-c", script, "sh", ...rest];

/** Waits until the file exists, or its folder is gone: a failing test leaves no process behind. */
const WAIT = 'until [ -e "$1" ] || [ ! -d "${1%/*}" ]; do sleep 0.02; done';
const untilMade = (path: string) => shell(WAIT, path);

/**
 * Tries everything that an unprivileged process of the same user could try on each thread of its
 * parent.
 */
const INTRUDER = `
import ctypes, os, sys
out, pid = open(sys.argv[1], "w"), int(sys.argv[2])
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
for name in ("CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs", "SigBlk"): print(name, status[name].strip(), file=out)
print("descriptors", sorted(os.listdir("/proc/self/fd"), key=int)[:3], len(os.listdir("/proc/self/fd")), file=out)
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = libc.syscall.argtypes = [ctypes.c_long] * 4
traced = stolen = written = 0
for tid in map(int, os.listdir(f"/proc/{pid}/task")):
    if libc.ptrace(0x4206, tid, 0, 0) == 0: traced += 1
    try: written += os.open(f"/proc/{pid}/task/{tid}/mem", os.O_RDWR) > 0
    except OSError: pass
handle = os.pidfd_open(pid)
for fd in range(64): stolen += libc.syscall(438, handle, fd, 0) >= 0
for fd in range(64):
    try: stolen += bool(os.readlink(f"/proc/{pid}/fd/{fd}"))
    except OSError: pass
print("traced", traced, "written", written, "stolen", stolen, "nice", os.nice(0), file=out)
`;

const HARMLESS = [
  "CapInh 0000000000000000",
  "CapPrm 0000000000000000",
  "CapEff 0000000000000000",
  "CapAmb 0000000000000000",
  "NoNewPrivs 1",
  "SigBlk 0000000000000000",
  // The last is the output, and then the listed folder.
  "descriptors ['0', '1', '2'] 5",
  `traced 0 written 0 stolen 0 nice ${getPriority()}`,
];

/** Takes all descriptors of its process while one command of each kind waits. */
const SHORTAGE = `
  import { closeSync, openSync } from "node:fs";
  import { Counters } from ${JSON.stringify(join(SRC, "core/counters.ts"))};
  import { CommandQueue } from ${JSON.stringify(join(SRC, "control-plane/commands/command-queue.ts"))};
  const folder = process.argv.at(-1);
  const steps = [];
  const queue = new CommandQueue({
    log: (level, line) => console.log(level, line.replace(/posix_spawn .*?:/, "posix_spawn:")),
    counters: new Counters(),
  });
  const run = (kind, privileged) => new Promise((ended) => queue.add({
    argv: ["/bin/sh", "-c", 'echo "$1" >> "$2/ran"', "sh", kind, folder],
    privileged, lane: "the door ssh", chain: "one", what: kind, ended,
    owed: { begin() {}, settle() {}, postpone: () => steps.push(kind) },
  }));
  queue.prepare();
  await Bun.sleep(300);
  const held = [];
  try { for (;;) held.push(openSync("/dev/null", "r")); } catch {}
  const both = [run("bare", false), run("privileged", true)];
  while (steps.length < 3) await Bun.sleep(10);
  for (const fd of held) closeSync(fd);
  await Promise.all(both);
  process.exit(0);
`;

const WITHOUT_DESCRIPTORS = [
  "error Cannot start commands now: EMFILE: too many open files, posix_spawn: 2 wait, and are tried again until they start",
  "info Commands start again",
  "info Ran /bin/sh for bare",
  "info Ran /bin/sh for privileged",
];

describe("CommandQueue", () => {
  test(
    "tells how each command ended, once, and that it had started before",
    async () => {
      const { run, lines } = queueOf();
      const started: string[] = [];
      const outcomes = await Promise.all(
        [["/bin/true"], ["/bin/sh", "-c", "exit 3"], ["/nonexistent/program"]].map((argv) =>
          run(argv, { owed: owedUntil(() => void started.push(argv[0]!)) }),
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
    "logs a failure in the words of the command, and hands on the bare outcome",
    async () => {
      const { run, lines } = queueOf();
      const tell = (outcome: string) => `${outcome}, sadly`;
      expect(await run(shell("exit 3"), { tell })).toBe("exited with 3");
      expect(await run(["/nonexistent/program"], { tell })).not.toEndWith(", sadly");
      expect(lines[0]).toBe("warning /bin/sh for ssh and 203.0.113.7 exited with 3, sadly");
      expect(lines[1]).toMatch(/^error Cannot run \/nonexistent\/program .*, sadly$/);
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
      // Variables of the shell itself, and those of the queue.
      const own = new Set(["LANG", "OLDPWD", "PATH", "PWD", "SHLVL", "_"]);
      const names = rest.flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []);
      expect(names).toContain("LANG");
      expect(names.filter((name) => !own.has(name))).toEqual([]);
      // 0, 1 and 2, and the descriptor through which ls reads the folder.
      expect(rest.filter((line) => /^\d+$/.test(line))).toEqual(["0", "1", "2", "3"]);
      expect(rest.at(-1)).toBe("/");
    },
    LIMIT_MS,
  );

  test(
    "keeps from a command what a terminal sends to the daemon: it has a session of its own",
    async () => {
      using folder = new StateFolder();
      const { run } = queueOf();
      const script = 'cut -d " " -f 5,6 /proc/$$/stat > "$1"; echo $$ $$ >> "$1"';
      for (const privileged of [true, false]) {
        const out = folder.file(`${privileged}`);
        await run(shell(script, out), { privileged });
        const [actual, leader] = readFileSync(out, "utf8").trim().split("\n");
        expect(actual).toBe(leader);
      }
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
    "runs four of a door at a time; the fifth starts when one has ended, another door's at once",
    async () => {
      using folder = new StateFolder();
      const { run } = queueOf();
      const started: string[] = [];
      const owed = (name: string) => ({ owed: owedUntil(() => void started.push(name)) });
      const all = [0, 1, 2, 3, 4].map((i) => run(untilMade(folder.file(`${i}`)), owed(String(i))));
      await run(["/bin/true"], { lane: "the door web", ...owed("web") });
      expect(started).toEqual(["0", "1", "2", "3", "web"]);
      writeFileSync(folder.file("2"), "");
      await all[2];
      while (started.length < 6) await Bun.sleep(1);
      for (const i of [0, 1, 3, 4]) writeFileSync(folder.file(`${i}`), "");
      await Promise.all(all);
    },
    LIMIT_MS,
  );

  test(
    "gives a door that has nothing at work its turn, however many commands of others run and wait",
    async () => {
      using folder = new StateFolder();
      const { run } = queueOf();
      const slow = Array.from({ length: 120 }, (_, i) =>
        run(untilMade(folder.file("go")), { lane: `the door ${i % 20}` }),
      );
      expect(await run(["/bin/true"], { lane: "the door last" })).toBe("exited with 0");
      writeFileSync(folder.file("go"), "");
      await Promise.all(slow);
    },
    LIMIT_MS,
  );

  test(
    "drops what comes when 256 of its door wait, counts it, and never what is owed",
    async () => {
      using folder = new StateFolder();
      const { queue, run, lines, counters } = queueOf();
      const blocked = Array.from({ length: 4 }, () => run(untilMade(folder.file("go"))));
      await Bun.sleep(0); // they start, and wait no more
      const waiting = {
        argv: ["/bin/touch", folder.file("late")],
        privileged: true,
        lane: "the door ssh",
        what: "ssh and 203.0.113.8",
      };
      const taken = Array.from({ length: 256 }, () => queue.add({ ...waiting }));
      expect(taken).not.toContain(false);
      for (let i = 0; i < 3; i++) expect(queue.add(waiting)).toBe(false);
      expect(lines).toEqual([
        "error Dropped /bin/touch for ssh and 203.0.113.8: 256 commands of the door ssh wait already",
      ]);
      let settled = 0;
      const owed = { ...waiting, owed: owedUntil(() => settled++) };
      for (let i = 0; i < 2_000; i++) expect(queue.add({ ...owed })).toBe(true);
      expect(await run(["/bin/true"], { lane: "the door web" })).toBe("exited with 0");
      expect([counters.get("commandsWaiting"), counters.get("commandsDropped")]).toEqual([
        2_256, 3,
      ]);
      await queue.stop();
      expect(counters.get("commandsDropped")).toBe(259);
      writeFileSync(folder.file("go"), "");
      expect(await Promise.all(blocked)).toEqual(Array(4).fill("exited with 0"));
      expect([existsSync(folder.file("late")), settled]).toEqual([false, 0]);
    },
    LIMIT_MS,
  );

  test(
    "gives an unprivileged command no capability, nothing inherited, and no way into the process that started it",
    async () => {
      using folder = new StateFolder();
      const { run } = queueOf();
      const out = folder.file("out");
      await run(["/usr/bin/python3", "-c", INTRUDER, out, String(process.pid)], {
        privileged: false,
      });
      expect(readFileSync(out, "utf8").trim().split("\n")).toEqual(HARMLESS);
    },
    LIMIT_MS,
  );

  test(
    "starts what could not be started for want of descriptors as soon as there are some, once",
    async () => {
      using folder = new StateFolder();
      const { code, out, err } = programRun([process.execPath, "-e", SHORTAGE, folder.path]);
      expect([code, err]).toEqual([0, ""]);
      expect(out.trim().split("\n")).toEqual(WITHOUT_DESCRIPTORS);
      expect(readFileSync(folder.file("ran"), "utf8")).toBe("bare\nprivileged\n");
    },
    LIMIT_MS,
  );
});
