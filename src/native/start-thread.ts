/** Starts threads of the engine without a risk for the process. */

import { Worker } from "node:worker_threads";
import { messageOf, SallyportError } from "../core/errors.ts";
import { hasFreeDescriptors } from "./descriptor-limit.ts";
import { withSpareDescriptors } from "./spare-descriptors.ts";

/** More than a thread opens until it runs, and others may take meanwhile. */
const DESCRIPTORS = 16;

/** A thread takes some 20 ms to start. */
const START_MS = 2_000;

/**
 * Starts the thread of `url` and waits until it has made `started[0]` another number than 0 and notified this: some 20 ms,
 * 2 s at most. It receives `workerData`. Throws a SallyportError where there is no room for it: the engine ends the whole
 * process when a thread of its own cannot open a descriptor.
 */
export function startThread(
  url: URL,
  started: Int32Array<SharedArrayBuffer>,
  workerData: unknown,
): Worker {
  return withSpareDescriptors(() => {
    if (!hasFreeDescriptors(DESCRIPTORS)) throw refusal("too few descriptors are free");
    const worker = make(url, workerData);
    Atomics.wait(started, 0, 0, START_MS);
    return worker;
  });
}

function make(url: URL, workerData: unknown): Worker {
  try {
    return new Worker(url, { workerData });
  } catch (error) {
    throw refusal(messageOf(error));
  }
}

function refusal(reason: string): SallyportError {
  return new SallyportError(
    `Cannot start a thread: ${reason}: raise the limits of open files and of threads (systemd: LimitNOFILE= and TasksMax=)`,
  );
}
