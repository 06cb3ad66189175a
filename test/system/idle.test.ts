/**
 * The cost of a daemon without knocks: wake-ups and memory. The bench has figures; these are
 * bounds.
 */

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";
import { portsOf, sendKnocks } from "../support/knocks.ts";

const DOOR = `[door.web]\nopens = ["8080/tcp"]\nusers = ["alice"]\nopen_for = "1m"\n`;

/** Sums a number of /proc/PID/task/TID/status over all threads. */
function overThreads(pid: number, name: string): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      sum += statusOf(`${pid}/task/${thread}`, name);
    } catch {
      // It ended in between.
    }
  }
  return sum;
}

function statusOf(process: string, name: string): number {
  const status = readFileSync(`/proc/${process}/status`, "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
}

/**
 * Repeats `measure` until the result is below `bound`: a busy machine may spoil one measurement,
 * not all.
 */
async function falls(bound: number, measure: () => Promise<number> | number): Promise<number> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const measured = await measure();
    if (measured < bound || performance.now() > deadline) return measured;
    await Bun.sleep(200);
  }
}

test("a daemon that nobody knocks at sleeps, gives its start's memory back, and opens at once all the same", async () => {
  using lab = new Lab();
  await using server = await new GuardedServer(lab, DOOR, { users: ["alice"] }).start();
  const { pid } = server;

  // Looking every half second, in each of two threads, made 55 of it.
  const wakeUps = () => overThreads(pid, "voluntary_ctxt_switches");
  const inFiveSeconds = await falls(30, async () => {
    const before = wakeUps();
    await Bun.sleep(5_000);
    return wakeUps() - before;
  });
  expect(inFiveSeconds).toBeLessThan(30);

  // 36 MB are the executable's code alone, when nothing releases it; written pages are 36 MB
  // without a collection.
  expect(await falls(80_000, () => statusOf(String(pid), "VmRSS"))).toBeLessThan(80_000);

  const knocks = portsOf(server.link("alice", "web")).map((port) => ({ to: "10.77.0.1", port }));
  sendKnocks(lab, "client", knocks);
  await server.waitForLog(/Opened web/);
}, 150_000);
