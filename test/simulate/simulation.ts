/** Plays one story on a simulated clock, kernel, disk and network, and watches every promise. */

import { setStage, type Stage } from "./stage.ts";
import type { Story } from "./story.ts";
import type { Tally } from "./tally.ts";
import type { Violation } from "./violation.ts";

/** Everything has begun by then. */
const FIRST_ACT_MS = 2_000;

/** Every grant, wait and revocation of the world is over by then. */
const REST_MS = 700_000;

/** More than any second of a story needs. */
const MOST_STEPS = 5_000;

/** The longest chain of promises is shorter. */
const MOST_PROMISES = 16;

export interface Told {
  readonly violation?: Violation;
  /** What happened, a line each. */
  readonly lines: readonly string[];
  readonly simulatedMs: number;
  /** The part of it in which every timer fired. */
  readonly playedMs: number;
  /** The number of acts that began. */
  readonly acts: number;
  readonly tally: Tally;
}

/** Plays the story to its end, or to the first broken promise. */
export async function play(story: Story): Promise<Told> {
  using stage = setStage(story);
  const { agenda, chronicle, silences, checks, memory } = stage;
  const returnTimers = stage.process.takeTimers();
  const onRejection = (reason: unknown) => stage.process.fail(reason);
  process.on("unhandledRejection", onRejection);
  let acts = 0;
  try {
    agenda.at(0, () => stage.process.start());
    let atMs = FIRST_ACT_MS;
    for (const { afterMs, deed } of story.acts) {
      atMs += afterMs;
      agenda.at(atMs, () => {
        acts++;
        chronicle.tally.add(deed.type);
        stage.do(deed);
      });
    }
    const { sparse, seed } = story;
    const endMs = atMs + (sparse?.restMs ?? REST_MS);
    if (sparse?.leaps === true) silences.passOver(endMs, seed);
    checks.begin();
    agenda.at(atMs + 1_000, () => stage.leave());
    await playUntil(endMs, stage);
    if (chronicle.violation === undefined) {
      checks.atEnd();
      memory.checkGrowth();
    }
  } finally {
    process.off("unhandledRejection", onRejection);
    returnTimers();
  }
  const simulatedMs = agenda.monotonicMs();
  const { lines, tally, violation } = chronicle;
  return {
    lines,
    simulatedMs,
    playedMs: simulatedMs - silences.passedMs,
    acts,
    tally,
    ...(violation !== undefined && { violation }),
  };
}

async function playUntil(
  endMs: number,
  { agenda, chronicle, process }: Pick<Stage, "agenda" | "chronicle" | "process">,
): Promise<void> {
  let steps = 0;
  let untilMs = 0;
  while (chronicle.violation === undefined && agenda.nextMs <= endMs) {
    agenda.step();
    if (agenda.monotonicMs() > untilMs) {
      untilMs = agenda.monotonicMs() + 1_000;
      steps = 0;
    } else if (++steps > MOST_STEPS) {
      chronicle.break("the daemon comes to rest", `${steps} steps in a second`);
    }
    // Lets go on what waited for it.
    for (let i = 0; i < MOST_PROMISES; i++) await Promise.resolve();
    process.buryTheDead();
  }
}
