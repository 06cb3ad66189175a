/** Questions to a person at a terminal; standard output stays free for results. */

import { createInterface } from "node:readline/promises";

/** Whether there is somebody to ask. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** The answer without blanks around it; `proposal` for an empty one. */
export async function ask(question: string, proposal = ""): Promise<string> {
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const shown = proposal === "" ? "" : ` [${proposal}]`;
    const answer = await asking.question(`${question}${shown} `);
    return answer.trim() || proposal;
  } finally {
    asking.close();
  }
}
