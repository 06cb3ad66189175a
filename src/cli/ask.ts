/** Questions to a person at a terminal; standard output stays free for results. */

import { createInterface } from "node:readline/promises";
import { ExitCode, SallyportError } from "../core/errors.ts";

/** Whether there is somebody to ask. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/**
 * The answer without blanks around it; `proposal` for an empty one. Throws a SallyportError where
 * the person leaves (Ctrl-D, or Ctrl-C with the exit code of an interrupt): ask before anything is
 * changed.
 */
export async function ask(question: string, proposal = ""): Promise<string> {
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  const interrupt = new AbortController();
  asking.once("SIGINT", () => interrupt.abort());
  try {
    const shown = proposal === "" ? "" : ` [${proposal}]`;
    const answer = await asking.question(`${question}${shown} `, { signal: interrupt.signal });
    return answer.trim() || proposal;
  } catch (error) {
    process.stderr.write("\n");
    const exitCode = interrupt.signal.aborted ? ExitCode.interrupted : ExitCode.failure;
    throw new SallyportError("Nothing was changed", exitCode, { cause: error });
  } finally {
    asking.close();
  }
}
