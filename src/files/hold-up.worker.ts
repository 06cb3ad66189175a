/** The thread that waits for the end of work that may be held up. */

import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { exitAtOnce } from "../native/exit.ts";
import { type HoldUp, State } from "./hold-up.ts";

const { state, mostMs, sentence } = workerData as HoldUp;

Atomics.store(state, 0, State.ready);
Atomics.notify(state, 0);
Atomics.wait(state, 0, State.ready);
if (Atomics.wait(state, 0, State.working, mostMs) === "timed-out") {
  writeSync(2, `sallyport: ${sentence}\n`);
  // The main thread is stuck in the kernel and can receive nothing.
  exitAtOnce(1);
}
