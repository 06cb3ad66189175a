/** Plays stories against the real code with one bug in it, until a promise breaks. */

import { join } from "node:path";
import { spawnSync } from "../support/programs.ts";
import { MUTATIONS } from "./mutations.ts";

export interface Hunt {
  /** Undefined: no promise was broken. */
  readonly promise: string | undefined;
  /** The story that broke it. */
  readonly seed: number | undefined;
  /** The processor's time until then. */
  readonly seconds: number;
  /** What the run said. */
  readonly output: string;
}

/** Plays stories from this seed on, for at most so many seconds of the processor's time. */
export function hunt(mutation: string, seconds: number, from = 1): Hunt {
  const here = import.meta.dir;
  const takesYears = MUTATIONS.find(({ name }) => name === mutation)?.takesYears === true;
  const length = takesYears ? "--years" : "--hours";
  const limits = [length, "1000000", "--seconds", `${seconds}`, "--seed", `${from}`];
  const { stdout, stderr } = spawnSync(
    [
      process.execPath,
      "--preload",
      join(here, "mutate.ts"),
      join(here, "main.ts"),
      "--no-shrink",
      ...limits,
    ],
    { stdout: "pipe", stderr: "pipe", env: { ...process.env, SIMULATE_MUTATION: mutation } },
  );
  const output = `${stdout.toString()}${stderr.toString()}`;
  const broken = /^seed (\d+) breaks a promise: ([^:]+):/m.exec(output);
  const spent = /\(([\d.]+) s of the processor\)/.exec(output)?.[1];
  return {
    promise: broken?.[2],
    seed: broken === null ? undefined : Number(broken[1]),
    seconds: Number(spent ?? seconds),
    output,
  };
}
