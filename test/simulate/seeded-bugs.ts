/** Plays stories against the real code with one bug in it, until a promise breaks. */

import { join } from "node:path";
import { spawnSync } from "../support/programs.ts";
import type { Mutation } from "./mutations.ts";

export interface Hunt {
  readonly found: boolean;
  /** What the run said. */
  readonly output: string;
}

/** Gives up after so many seconds of the processor's time. */
export function hunt({ name }: Mutation, seconds: number): Hunt {
  const here = import.meta.dir;
  const limits = ["--hours", "1000000", "--seconds", `${seconds}`, "--no-shrink"];
  const { exitCode, stdout, stderr } = spawnSync(
    [process.execPath, "--preload", join(here, "mutate.ts"), join(here, "main.ts"), ...limits],
    { stdout: "pipe", stderr: "pipe", env: { ...process.env, SIMULATE_MUTATION: name } },
  );
  const output = `${stdout.toString()}${stderr.toString()}`;
  return { found: exitCode === 1 && output.includes("breaks a promise"), output };
}
