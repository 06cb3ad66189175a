import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import {
  compiledCodeOf,
  countSwitches,
  cpuNsOf,
  queuedNsOf,
  residentOf,
  switchesSince,
  withChildren,
} from "./process.ts";
import { spawn } from "../support/programs.ts";

const children: Bun.Subprocess[] = [];

function start(script: string) {
  const child = spawn(["sh", "-c", script], { stdin: "pipe", stdout: "pipe" });
  children.push(child);
  return child;
}

afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

/** Resolves when the script has printed something. */
async function said(child: Bun.Subprocess<"pipe", "pipe", "inherit">): Promise<void> {
  const reader = child.stdout.getReader();
  await reader.read();
  reader.releaseLock();
}

/** Resolves when the process waits: what comes before that does not wake it. */
async function sleeps({ pid }: Bun.Subprocess): Promise<void> {
  while (!/^State:\s+S/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))) await Bun.sleep(1);
}

const BUSY = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";

test("cpuNsOf() counts what a process and the commands it waited for have worked, and no sleep", async () => {
  const own = start(`${BUSY}; echo done; read x`);
  const commands = start(`sh -c '${BUSY}'; echo done; read x`);
  const asleep = start("echo done; read x");
  await Promise.all([own, commands, asleep].map(said));
  const before = [own, commands, asleep].map(({ pid }) => cpuNsOf([pid]));
  expect(before[0]).toBeGreaterThan(20 * before[2]!);
  expect(before[1]).toBeGreaterThan(20 * before[2]!);
  expect(cpuNsOf([own.pid, commands.pid])).toBeGreaterThanOrEqual(before[0]! + before[1]!);
  expect(cpuNsOf([])).toBe(0);
});

test("cpuNsOf() throws for a process that has ended", async () => {
  const child = start("exit 0");
  await child.exited;
  expect(() => cpuNsOf([child.pid])).toThrow("has ended");
});

test("residentOf() tells anonymous memory from pages of files, and shares what is shared", () => {
  const before = residentOf([process.pid]);
  const filled = new Uint8Array(64 << 20).fill(1);
  const after = residentOf([process.pid]);
  expect(after.anonymous - before.anonymous).toBeGreaterThan(32 << 20);
  expect(after.rss).toBe(after.anonymous + after.file);
  expect(after.pss).toBeLessThanOrEqual(after.rss);
  expect(filled[filled.length - 1]).toBe(1);
  expect(residentOf([]).rss).toBe(0);
});

test("compiledCodeOf() counts pages of compiled code, and none of a program without a compiler", () => {
  const own = compiledCodeOf(process.pid);
  expect(own).toBeGreaterThan(0);
  expect(own).toBeLessThan(residentOf([process.pid]).anonymous);
  const sleeping = start("exec sleep 60");
  expect(compiledCodeOf(sleeping.pid)).toBe(0);
});

test("residentOf() counts what a process has started, and throws when the process itself is gone", async () => {
  // The child reports itself: a newly forked process has hardly a page of its own.
  const parent = start("sh -c 'echo up; sleep 60' & wait");
  const childless = start("echo up; read x");
  await Promise.all([said(parent), said(childless)]);
  expect(residentOf([parent.pid]).rss).toBeGreaterThan(residentOf([childless.pid]).rss * 1.2);
  for (const pid of withChildren([parent.pid])) process.kill(pid, "SIGKILL");
  await parent.exited;
  expect(() => residentOf([parent.pid])).toThrow("ENOENT");
});

test("queuedNsOf() counts what two processes wait for one another on one processor", async () => {
  const rivals = [0, 1].map(() =>
    start(`taskset -cp 0 $$ > /dev/null; ${BUSY}; echo done; read x`),
  );
  await Promise.all(rivals.map(said));
  const queued = queuedNsOf(rivals.map(({ pid }) => pid));
  expect(queued).toBeGreaterThan(0.2 * cpuNsOf(rivals.map(({ pid }) => pid)));
  expect(queuedNsOf([])).toBe(0);
});

test("switchesSince() counts the wake-ups of a process that is woken, and none of one that sleeps", async () => {
  const woken = start("echo up; while read x; do echo $x; done");
  const asleep = start("echo up; read x");
  await Promise.all([said(woken), said(asleep)]);
  await Promise.all([sleeps(woken), sleeps(asleep)]);
  const before = [woken, asleep].map(({ pid }) => countSwitches([pid]));
  for (let i = 0; i < 20; i++) {
    await woken.stdin.write(`${i}\n`);
    await woken.stdin.flush();
    await said(woken);
    await sleeps(woken);
  }
  const since = [woken, asleep].map(({ pid }, i) =>
    switchesSince(before[i]!, countSwitches([pid])),
  );
  expect(since[0]).toBeGreaterThanOrEqual(20);
  expect(since[1]).toBeLessThanOrEqual(1);
});

test("withChildren() finds what a process has started", async () => {
  const child = start("sleep 60 & echo $!; wait");
  await said(child);
  expect(withChildren([child.pid])).toHaveLength(2);
  expect(withChildren([])).toEqual([]);
  for (const pid of withChildren([child.pid])) process.kill(pid, "SIGKILL");
});
