/** Leaves out of a story whatever the broken promise does not need. */

import { play } from "./simulation.ts";
import type { Act, Story } from "./story.ts";

/** A silence that need not be long is shortened to this: two audits fit in. */
const SHORT_MS = 90_000;

/** The shortest story found within `mostMs` of real time that breaks the same promise. */
export async function shrink(story: Story, promise: string, mostMs: number): Promise<Story> {
  const untilMs = performance.now() + mostMs;
  const breaks = async (acts: readonly Act[]) =>
    (await play({ ...story, acts })).violation?.promise === promise;
  const begun = story.acts.slice(0, (await play(story)).acts);
  // At the end of a story, later acts have a part in it: they decide when that is.
  let acts = (await breaks(begun)) ? begun : story.acts;
  for (
    let size = Math.ceil(acts.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < acts.length && performance.now() < untilMs;) {
      // What comes later keeps its time, then moves closer.
      const left = acts.slice(at, at + size);
      const rest = acts.slice(at + size);
      const gapMs = left.reduce((sum, { afterMs }) => sum + afterMs, 0);
      const late = rest.map((act, i) => (i === 0 ? { ...act, afterMs: act.afterMs + gapMs } : act));
      const tries = [
        [...acts.slice(0, at), ...rest],
        [...acts.slice(0, at), ...late],
      ];
      let found = false;
      for (const one of tries) {
        if (found || !(await breaks(one))) continue;
        acts = one;
        found = true;
      }
      if (!found) at += size;
    }
  }
  return { ...story, acts: await closer(acts, breaks, untilMs) };
}

/** Shortens silences that the broken promise does not need. */
async function closer(
  acts: readonly Act[],
  breaks: (acts: readonly Act[]) => Promise<boolean>,
  untilMs: number,
): Promise<readonly Act[]> {
  let close = acts;
  for (const [at, { afterMs }] of acts.entries()) {
    if (afterMs <= SHORT_MS || performance.now() > untilMs) continue;
    const tried = close.map((act, i) => (i === at ? { ...act, afterMs: SHORT_MS } : act));
    if (await breaks(tried)) close = tried;
  }
  return close;
}
