/** When the answer of closed ports is looked at, and when not. */

import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { AnswerWatch } from "../../../../src/control-plane/guard/answer-watch.ts";
import { OpError } from "../../../../src/core/errors.ts";
import { HandClock } from "../../../support/daemon.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function stage() {
  const clock = new HandClock();
  const loader = {
    looks: 0,
    tookMs: 0,
    isToFollow: true,
    mayChangeUnheard: false,
    follow() {
      this.looks++;
      clock.nowMs += this.tookMs;
      return undefined;
    },
  };
  const watch: AnswerWatch = new AnswerWatch({
    clock,
    loader,
    audit: () => watch.look(),
    followed: () => {},
  });
  const pass = (ms: number) => {
    clock.nowMs += ms;
    jest.advanceTimersByTime(ms);
  };
  return { watch, loader, pass };
}

test("look() looks at first, then only after a change or ten minutes", () => {
  const { watch, loader, pass } = stage();
  watch.look();
  watch.look();
  expect(loader.looks).toBe(1);
  for (let i = 0; i < 19; i++) {
    pass(30_000);
    watch.look();
  }
  expect(loader.looks).toBe(1);
  pass(30_000);
  watch.look();
  expect(loader.looks).toBe(2);
  watch.heard();
  expect(loader.looks).toBe(2);
  pass(5_000);
  expect(loader.looks).toBe(3);
});

test("look() looks at every audit where changes are not announced, but not all the time", () => {
  const { watch, loader, pass } = stage();
  loader.mayChangeUnheard = true;
  for (let i = 0; i < 60; i++) {
    watch.look();
    pass(1_000);
  }
  expect(loader.looks).toBe(12);
});

test.each([
  ["five seconds", 0, 12],
  ["fifty times as long as it takes", 200, 6],
])("heard() leads to a look every %s at most", (_, tookMs, most) => {
  const { watch, loader, pass } = stage();
  loader.tookMs = tookMs;
  for (let i = 0; i < 600; i++) {
    watch.heard();
    pass(100);
  }
  expect(loader.looks).toBeGreaterThan(most - 2);
  expect(loader.looks).toBeLessThanOrEqual(most);
});

test("heard() waits until several changes in a row are made", () => {
  const { watch, loader, pass } = stage();
  watch.look();
  pass(60_000);
  watch.heard();
  pass(400);
  watch.heard();
  expect(loader.looks).toBe(1);
  pass(100);
  expect(loader.looks).toBe(2);
  pass(60_000);
  expect(loader.looks).toBe(2);
});

test("heard() leads to nothing where guarded ports are told how to answer, or after stop()", () => {
  const { watch, loader, pass } = stage();
  watch.heard();
  watch.stop();
  pass(60_000);
  loader.isToFollow = false;
  watch.heard();
  pass(60_000);
  expect(loader.looks).toBe(0);
});

test("look() tries again at the next audit where the rules cannot be read", () => {
  const { watch, loader, pass } = stage();
  const { follow } = loader;
  loader.follow = () => {
    loader.looks++;
    throw new OpError({
      operation: "read",
      object: "rules",
      detail: "no",
      code: 1,
      remedy: "wait",
    });
  };
  watch.look();
  pass(30_000);
  watch.look();
  expect(loader.looks).toBe(2);
  loader.follow = follow;
  pass(30_000);
  watch.look();
  watch.look();
  expect(loader.looks).toBe(3);
});

test("look() is over for good where it takes more than half a second, or took the start as long", () => {
  for (const first of [600, 0]) {
    const { watch, loader, pass } = stage();
    watch.decided(first);
    loader.tookMs = 600;
    loader.mayChangeUnheard = true;
    for (let i = 0; i < 9; i++) {
      watch.heard();
      pass(600_000);
      watch.look();
    }
    expect(loader.looks).toBe(first === 0 ? 1 : 0);
  }
});

test("look() rests after a failure, however often somebody touches our own table", () => {
  const { watch, loader, pass } = stage();
  loader.follow = () => {
    loader.looks++;
    throw new Error("refused");
  };
  for (let i = 0; i < 10; i++) {
    watch.look();
    pass(100);
  }
  expect(loader.looks).toBe(1);
});
