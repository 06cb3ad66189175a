/** Leaves out of a story whatever the broken promise does not need. */

import { play } from "./simulation.ts";
import type { Act, Story } from "./story.ts";

/** The shortest story found within `mostMs` of real time that breaks the same promise. */
export async function shrink(story: Story, promise: string, mostMs: number): Promise<Story> {
  const untilMs = performance.now() + mostMs;
  const breaks = async (acts: readonly Act[]) =>
    (await play({ ...story, acts })).violation?.promise === promise;
  let acts = story.acts;
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
  return { ...story, acts };
}
