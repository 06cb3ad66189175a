/**
 * Bounds a call that may never return: SQLite opens files by name and waits at a named pipe, and
 * only another thread can end that.
 */

import { startThread } from "../native/start-thread.ts";

/** The state that the two threads share: a word on which each waits. */
export const State = { starting: 0, ready: 1, working: 2, done: 3 } as const;

export interface HoldUp {
  readonly state: Int32Array<SharedArrayBuffer>;
  readonly mostMs: number;
  readonly sentence: string;
}

/**
 * Runs `work`. When it takes longer than `mostMs`, prints `sentence` on standard error and ends the
 * process with code 1. For work that ends in a few milliseconds unless somebody holds it up. Throws where there is no room
 * for the thread that watches; where that is late, the work runs unwatched at first.
 */
export function endIfHeldUp<T>(mostMs: number, sentence: string, work: () => T): T {
  const state = new Int32Array(new SharedArrayBuffer(4));
  const workerData: HoldUp = { state, mostMs, sentence };
  startThread(workerUrl(), state, workerData).unref();
  Atomics.store(state, 0, State.working);
  Atomics.notify(state, 0);
  try {
    return work();
  } finally {
    Atomics.store(state, 0, State.done);
    Atomics.notify(state, 0);
  }
}

/** In the compiled executable, paths begin at the folder of main.ts. */
function workerUrl(): URL {
  const compiled = import.meta.url.includes("/$bunfs/");
  return new URL(`./${compiled ? "files/" : ""}hold-up.worker.ts`, import.meta.url);
}
