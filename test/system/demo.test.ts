/** `sallyport demo`, from the first line to the last namespace. */

import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { EXECUTABLE } from "../support/executable.ts";
import { run } from "../support/programs.ts";

const BEFORE = existsSync("/run/netns") ? readdirSync("/run/netns") : [];

/**
 * Namespaces of demos whose process has ended: others may be playing beside this test, or were
 * killed before it.
 */
function leftBehind(): string[] {
  return readdirSync("/run/netns").filter((name) => {
    const player = /^sallyport-demo-(\d+)-/.exec(name)?.[1];
    return player !== undefined && !existsSync(`/proc/${player}`) && !BEFORE.includes(name);
  });
}

test("demo plays to its end and leaves nothing behind", () => {
  const { out, code } = run([EXECUTABLE, "demo"], { mayFail: true });
  expect(out).toMatch(/refused[^]*welcome[^]*refused[^]*still here/);
  expect(out).not.toContain("✗");
  expect(code).toBe(0);
  expect(leftBehind()).toEqual([]);
}, 20_000);

test("demo leaves nothing behind when nobody reads it to the end", () => {
  run(["sh", "-c", `"${EXECUTABLE}" demo | head -n 2`]);
  expect(leftBehind()).toEqual([]);
}, 20_000);

test("demo without a folder for temporary files says so, and leaves nothing behind", () => {
  const env = { ...process.env, TMPDIR: "/nonexistent" };
  const { code, err } = run([EXECUTABLE, "demo"], { mayFail: true, env });
  expect([code, err]).toEqual([
    1,
    "sallyport: Cannot make the demo's folder in /nonexistent: ENOENT: make it writable, with room, or name another in TMPDIR\n",
  ]);
  expect(leftBehind()).toEqual([]);
}, 20_000);
