/** Questions to a person at a terminal; standard output stays free for results. */

import { createInterface } from "node:readline/promises";
import { SallyportError } from "../core/errors.ts";

/** Whether there is somebody to ask. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/**
 * The answer without blanks around it; `proposal` for an empty one. Throws a SallyportError where
 * the person leaves (Ctrl-C, Ctrl-D): ask before anything is changed.
 */
export async function ask(question: string, proposal = ""): Promise<string> {
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const shown = proposal === "" ? "" : ` [${proposal}]`;
    const answer = await asking.question(`${question}${shown} `);
    return answer.trim() || proposal;
  } catch (error) {
    process.stderr.write("\n");
    throw new SallyportError("Nothing was changed", undefined, { cause: error });
  } finally {
    asking.close();
  }
}
