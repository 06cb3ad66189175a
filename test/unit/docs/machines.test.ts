/** docs/machines.md is of the machines and steps that there are; a run writes it. */

import { expect, test } from "bun:test";
import { MACHINES, QUICK } from "../../machines/machines.ts";
import { boots } from "../../machines/steps/install.ts";
import { DOCUMENTS } from "./documents.ts";

const text = DOCUMENTS.find(({ path }) => path === "docs/machines.md")!.text;

test("docs/machines.md has a row for each machine and each step", () => {
  expect(MACHINES.filter(({ title }) => !text.includes(`| ${title} |`))).toEqual([]);
  const steps = new Set(MACHINES.flatMap((machine) => machine.steps.map(({ name }) => name)));
  expect([...steps].filter((name) => !text.includes(`| ${name} |`))).toEqual([]);
});

test("machines have names of one word, begin with their boot and play no step twice", () => {
  const names = MACHINES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, steps } of MACHINES) {
    expect(name).toMatch(/^[a-z0-9-]+$/);
    expect(steps[0]).toBe(boots);
    expect(new Set(steps).size).toBe(steps.length);
  }
  expect(QUICK[0]).toBe(boots);
});
