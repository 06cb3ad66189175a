/**
 * All contestants of a measure, each on a stage of its own. Only one is awake at a time: the others are
 * stopped by a signal, so that an idle neighbour that polls does not take the processor of the one measured.
 */

import { type Contestant, SERVICE_PORT, type Setup } from "./contestant.ts";
import type { Running } from "./contestant.ts";
import { keepOffSender } from "./processors.ts";
import { Stage } from "./stage.ts";

/** After the start: a daemon's work when it is ready must not count in the first opening. */
const SETTLE_MS = 500;

/** After a daemon goes on, its own timers that fell due meanwhile. */
const WAKE_MS = 100;

export interface Place {
  readonly contestant: Contestant;
  readonly stage: Stage;
  readonly running: Running;
}

export class LineUp implements AsyncDisposable {
  readonly #places: Place[] = [];

  /** Starts everyone; `setup` may differ by contestant, undefined leaves one out. */
  static async of(
    contestants: readonly Contestant[],
    setup: (contestant: Contestant) => Setup | undefined,
  ): Promise<LineUp> {
    const lineUp = new LineUp();
    const settled: Promise<void>[] = [];
    try {
      for (const contestant of contestants) {
        const wanted = setup(contestant);
        if (wanted === undefined) continue;
        const running = await lineUp.#admit(contestant, wanted);
        // One starts while the one before settles.
        settled.push(Bun.sleep(SETTLE_MS).then(() => signal(running, "SIGSTOP")));
      }
      await Promise.all(settled);
      return lineUp;
    } catch (error) {
      await Promise.allSettled(settled);
      await lineUp[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #admit(contestant: Contestant, setup: Setup): Promise<Running> {
    const stage = await Stage.set([SERVICE_PORT]);
    try {
      const running = await contestant.start(stage, setup);
      keepOffSender(running.pids);
      this.#places.push({ contestant, stage, running });
      return running;
    } catch (error) {
      stage[Symbol.dispose]();
      throw error;
    }
  }

  /** Each contestant once, awake while `act` runs. Call it again for the next round. */
  async each(act: (place: Place) => Promise<void>): Promise<void> {
    for (const place of this.#places) {
      signal(place.running, "SIGCONT");
      await Bun.sleep(WAKE_MS);
      try {
        await act(place);
      } finally {
        signal(place.running, "SIGSTOP");
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { running, stage } of this.#places) {
      await running[Symbol.asyncDispose]();
      stage[Symbol.dispose]();
    }
  }
}

function signal({ pids }: Running, name: "SIGSTOP" | "SIGCONT"): void {
  for (const pid of pids) process.kill(pid, name);
}
