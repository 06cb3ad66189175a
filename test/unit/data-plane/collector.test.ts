import { expect, test } from "bun:test";
import { Collector } from "../../../src/data-plane/collector.ts";

function counted() {
  let collected = 0;
  const collector = new Collector(() => collected++);
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

test("Collector collects after each hundred openings, never among packets", () => {
  const { collector, collected } = counted();
  let nowMs = 0;
  for (let opened = 1; opened <= 250; opened++) collector.look(2, opened, (nowMs += 40));
  expect(collected()).toBe(0);
  collector.look(0, 250, nowMs + 100);
  expect(collected()).toBe(1);
  collector.look(0, 349, nowMs + 1_000);
  expect(collected()).toBe(1);
  collector.look(0, 350, nowMs + 2_000);
  expect(collected()).toBe(2);
});
