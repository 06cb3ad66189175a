/** The executable as a launcher: `sallyport run-bare PROGRAM …` gives up every privilege and becomes the program. */

import { bareExec } from "../native/bare-exec.ts";
import { standInFront } from "../native/thread-priority.ts";

export function runBare(argv: readonly string[]): never {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
  standInFront();
  return bareExec(argv, env);
}
