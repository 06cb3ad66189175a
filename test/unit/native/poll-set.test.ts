/** poll(2) and eventfd(2) of the real kernel, across threads and signals. */

import { expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { EventFd } from "../../../src/native/event-fd.ts";
import { PollSet } from "../../../src/native/poll-set.ts";
import { spawn } from "../../support/programs.ts";

/** Milliseconds that `body` takes. */
function elapsed(body: () => void): number {
  const start = performance.now();
  body();
  return performance.now() - start;
}

test("PollSet.wait() answers how many are ready, and ready() which", () => {
  const events = Array.from({ length: 20 }, () => EventFd.open());
  const poll = new PollSet();
  for (const event of events) poll.add(event.fd);
  expect(poll.wait(0)).toBe(0);
  events[3]!.signal();
  events[17]!.signal();
  expect(poll.wait(1_000)).toBe(2);
  const ready = () => events.flatMap((event, i) => (poll.ready(event.fd) ? [i] : []));
  expect(ready()).toEqual([3, 17]);
  events[3]!.clear();
  expect(poll.wait(1_000)).toBe(1);
  expect(ready()).toEqual([17]);
  poll.remove(events[17]!.fd);
  expect(poll.wait(0)).toBe(0);
  expect(poll.ready(events[17]!.fd)).toBeFalse();
  for (const event of events) event.close();
});

test("PollSet.add() takes a descriptor once, remove() gives up one that is not there", () => {
  using stack = new DisposableStack();
  const [a, b] = [EventFd.open(), EventFd.open()];
  stack.defer(() => a.close());
  stack.defer(() => b.close());
  const poll = new PollSet();
  poll.add(a.fd);
  poll.add(a.fd);
  poll.remove(b.fd);
  a.signal();
  expect(poll.wait(0)).toBe(1);
  poll.remove(a.fd);
  expect(poll.wait(0)).toBe(0);
});

test("PollSet.wait() sleeps as long as it was told, rounded up", () => {
  const poll = new PollSet();
  expect(elapsed(() => poll.wait(30))).toBeWithin(29, 500);
  expect(elapsed(() => poll.wait(0.2))).toBeGreaterThan(0.9);
});

test("PollSet.wait() reports a closed descriptor instead of waiting for it", () => {
  const fd = openSync("/dev/null", "r");
  closeSync(fd);
  const poll = new PollSet();
  poll.add(fd);
  expect(poll.wait(1_000)).toBe(1);
  expect(poll.ready(fd)).toBeTrue();
});

test("PollSet.wait() ends with 0 when a signal comes, and forgets what was ready before", async () => {
  const event = EventFd.open();
  const poll = new PollSet();
  poll.add(event.fd);
  event.signal();
  expect(poll.wait(0)).toBe(1);
  event.clear();
  let heard = 0;
  const listener = () => heard++;
  process.on("SIGUSR2", listener);
  const child = spawn(["sh", "-c", `sleep 0.1; kill -USR2 ${process.pid}`]);
  let ready = -1;
  expect(elapsed(() => (ready = poll.wait(5_000)))).toBeLessThan(3_000);
  expect(ready).toBe(0);
  expect(poll.ready(event.fd)).toBeFalse();
  await child.exited;
  await Bun.sleep(1);
  expect(heard).toBe(1);
  process.off("SIGUSR2", listener);
  event.close();
});

test("EventFd.signal() twice is one signal, which clear() takes back", () => {
  const event = EventFd.open();
  expect(event.clear()).toBeFalse();
  event.signal();
  event.signal();
  expect(event.clear()).toBeTrue();
  expect(event.clear()).toBeFalse();
  event.close();
  expect(() => event.signal()).toThrow("Cannot signal an eventfd: EBADF");
});

test("EventFd wakes a thread that blocks in poll", async () => {
  const event = EventFd.open();
  const worker = new Worker(new URL("../../support/wait-worker.ts", import.meta.url), {
    workerData: event.fd,
  });
  const messages: unknown[] = [];
  const done = new Promise<void>((resolve, reject) => {
    worker.on("error", reject);
    worker.on("message", (message) => {
      messages.push(message);
      if (messages.length === 1) setTimeout(() => event.signal(), 50);
      else resolve();
    });
  });
  await done;
  expect(messages).toEqual(["waiting", { ready: 1, signalled: true, again: false }]);
  await worker.terminate();
  event.close();
});
