/** The end of the process, from any of its threads and with nothing run before it. */

import { libcCalls } from "./libc-calls.ts";

/** _exit(2): never returns. */
export function exitAtOnce(code: number): void {
  libcCalls()["_exit"](code);
}
