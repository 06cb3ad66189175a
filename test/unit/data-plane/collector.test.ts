import { expect, test } from "bun:test";
import { Collector } from "../../../src/data-plane/collector.ts";

function counted() {
  let collected = 0;
  const collector = new Collector(
    () => collected++,
    () => 0,
  );
  return { collector, collected: () => collected };
}

test("Collector waits for a pause after a new plan, and collects once", () => {
  const { collector, collected } = counted();
  collector.look(3, 0, 1_000);
  expect(collector.dueMs).toBe(Infinity);
  collector.replaced();
  expect(collector.dueMs).toBe(1_100);
  collector.look(1, 0, 1_050);
  expect(collector.dueMs).toBe(1_150);
  collector.look(0, 0, 1_149);
  expect(collected()).toBe(0);
  collector.look(0, 0, 1_150);
  expect(collected()).toBe(1);
  expect(collector.dueMs).toBe(Infinity);
  collector.look(0, 0, 9_000);
  expect(collected()).toBe(1);
});

test("Collector collects after each hundred openings, in the pause behind them", () => {
  const { collector, collected } = counted();
  let nowMs = 0;
  for (let opened = 1; opened <= 200; opened++) collector.look(2, opened, (nowMs += 40));
  expect(collected()).toBe(0);
  collector.look(0, 200, nowMs + 100);
  expect(collected()).toBe(1);
  collector.look(0, 299, nowMs + 1_000);
  expect(collected()).toBe(1);
  collector.look(0, 300, nowMs + 2_000);
  expect(collected()).toBe(2);
});

test("Collector waits five seconds for a pause, and no longer", () => {
  const { collector, collected } = counted();
  collector.look(1, 0, 1_000);
  collector.replaced();
  for (let nowMs = 1_050; nowMs < 6_000; nowMs += 50) {
    collector.look(1, 0, nowMs);
    expect(collector.dueMs).toBe(Math.min(nowMs + 100, 6_000));
  }
  expect(collected()).toBe(0);
  collector.look(1, 0, 6_000);
  expect(collected()).toBe(1);
  collector.look(1, 0, 6_050);
  expect(collected()).toBe(1);
});

test("Collector collects what the heap has grown by, whatever it came from", () => {
  let bytes = 10 << 20;
  let collected = 0;
  const collector = new Collector(
    () => {
      collected++;
      bytes = 9 << 20;
    },
    () => bytes,
  );
  collector.look(0, 0, 1_000);
  bytes += (1 << 20) - 1;
  collector.look(0, 0, 20_000);
  expect(collected).toBe(0);
  bytes += 1;
  collector.look(0, 0, 21_999);
  expect(collected).toBe(0);
  collector.look(0, 0, 22_000);
  expect(collected).toBe(1);
  bytes += (1 << 20) - 1;
  collector.look(0, 0, 60_000);
  expect(collected).toBe(1);
});
