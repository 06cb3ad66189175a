/** `sallyport demo`, from the first line to the last namespace. */

import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { EXECUTABLE } from "../support/executable.ts";
import { run } from "../support/lab.ts";

test("demo plays to its end and leaves nothing behind", () => {
  const { out, code } = run([EXECUTABLE, "demo"], { mayFail: true });
  expect(out).toMatch(/refused[^]*welcome[^]*refused[^]*still here/);
  expect(out).not.toContain("✗");
  expect(code).toBe(0);
  expect(readdirSync("/run/netns").filter((name) => name.startsWith("sallyport-demo"))).toEqual([]);
});
