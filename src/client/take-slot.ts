/** Claims the slot of the next knock, waiting for it where every slot allowed is used. */

import { SallyportError } from "../core/errors.ts";
import type { Profile } from "../rks/profile-link.ts";
import { slotAt, slotStartMs } from "../rks/slot.ts";
import type { KnockDeps } from "./knock-deps.ts";
import { chooseSlot } from "./slot-choice.ts";

/** The longest sleep at a time: the clock may be set meanwhile, and another knock may take the slot. */
const SLEEP_MS = 1_000;

function roughly(seconds: number): string {
  if (seconds < 120) return `${seconds} seconds`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} minutes`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3_600)} hours`
    : `${Math.round(seconds / 86_400)} days`;
}

/** "2026-05-01 12:00:31 UTC": what a person compares with another clock. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/**
 * Answers a slot that is now marked used. Reports "waiting" once if it has to wait. Throws a
 * SallyportError when the last slot used is so far ahead that some clock was wrong.
 */
export async function takeSlot(
  profile: Profile,
  { slots, clock, sleep, report }: Pick<KnockDeps, "slots" | "clock" | "sleep" | "report">,
): Promise<number> {
  const { key, door, host, stepSeconds } = profile;
  let reported = false;
  for (;;) {
    const nowMs = clock.wallMs();
    const choice = chooseSlot(slotAt(nowMs, stepSeconds), slots.last(key, door));
    if (choice.kind === "clock") {
      const ahead = roughly(choice.slotsAhead * stepSeconds);
      throw new SallyportError(
        `Cannot knock for ${door} on ${host}: the last knock from here was ${ahead} ahead of this computer's clock (${formatTime(nowMs)}): set the clock right; if it is right now and was wrong then, run "sallyport knock --forget PROFILE" once`,
      );
    }
    if (choice.kind === "use") {
      if (slots.claim(key, door, choice.slot)) return choice.slot;
      continue;
    }
    const waitMs = slotStartMs(choice.until, stepSeconds) - nowMs;
    if (!reported) report({ type: "waiting", waitMs });
    reported = true;
    await sleep(Math.min(waitMs, SLEEP_MS));
  }
}
