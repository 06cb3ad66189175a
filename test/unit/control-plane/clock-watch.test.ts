/**
 * Steps of the wall clock: noticed once, and distinguished from drift and from the passing of time.
 */

import { expect, test } from "bun:test";
import { ClockWatch } from "../../../src/control-plane/clock-watch.ts";
import { HandClock } from "../../support/daemon.ts";

test("ClockWatch.step() tells each step once, with its direction", () => {
  const clock = new HandClock();
  const watch = new ClockWatch(clock);
  const steps = [0, 3_600_000, 3_600_000, 0, 0, -86_400_000].map((setByMs) => {
    clock.nowMs += 1_000;
    clock.setByMs = setByMs;
    return watch.step();
  });
  expect(steps).toEqual([0, 3_600_000, 0, -3_600_000, 0, -86_400_000]);
});

test("ClockWatch.step() takes slewing for no step, however long it goes on", () => {
  const clock = new HandClock();
  const watch = new ClockWatch(clock);
  for (let i = 0; i < 10_000; i++) {
    clock.nowMs += 1_000;
    clock.setByMs += i % 2_000 === 0 ? 2_000 : 0.5;
    expect(watch.step()).toBe(0);
  }
});

test("ClockWatch.step() is not misled by a machine that was busy for a minute", () => {
  const clock = new HandClock();
  const watch = new ClockWatch(clock);
  clock.nowMs += 60_000;
  expect(watch.step()).toBe(0);
});
