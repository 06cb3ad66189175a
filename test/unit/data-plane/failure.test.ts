/** Errors between threads: the sentence and the exit code arrive, whatever the copy does to classes. */

import { expect, test } from "bun:test";
import { ExitCode, OpError, SallyportError } from "../../../src/core/errors.ts";
import { fromFailure, toFailure } from "../../../src/data-plane/failure.ts";

test("fromFailure() restores sentence and exit code after a structured clone", () => {
  const full = new OpError({
    operation: "add",
    object: "a grant",
    detail: "ENFILE",
    code: 23,
    remedy: "wait",
    exitCode: ExitCode.privilege,
  });
  for (const error of [new SallyportError("Cannot x: y: z", ExitCode.config), full]) {
    const arrived = fromFailure(structuredClone(toFailure(error)));
    expect(arrived).toBeInstanceOf(SallyportError);
    expect([arrived.message, arrived.exitCode]).toEqual([error.message, error.exitCode]);
  }
});

test("toFailure() keeps the stack of a bug, which is for us, and takes what is no Error", () => {
  const { message, exitCode } = toFailure(new TypeError("x is not a function"));
  expect(message).toContain("x is not a function");
  expect(message).toContain("failure.test.ts");
  expect(exitCode).toBe(ExitCode.failure);
  expect(toFailure("torn").message).toBe("torn");
});
