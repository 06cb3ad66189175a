/** What a person is told about a knock. No port of a rotating sequence and no key ever stands here. */

import { SallyportError } from "../core/errors.ts";
import type { Profile } from "../rks/profile-link.ts";
import { DEFAULT_SPACE } from "../rks/space.ts";
import type { KnockOutcome, KnockProgress } from "./attempts.ts";
import { sendingMs } from "./knock.ts";
import { formatTime } from "./take-slot.ts";

function countOf(outcome: KnockOutcome): string {
  return outcome.attempts === 1 ? "1 knock" : `${outcome.attempts} knocks`;
}

/** One line on a knock that did not fail; `what` is "ssh on gate.example" or a host. */
export function describeOutcome(what: string, outcome: KnockOutcome): string {
  const { state, target, port, attempts, elapsedMs } = outcome;
  const where = what.endsWith(target.address) ? what : `${what} (${target.address})`;
  if (state === "sent") return `${where}: knock sent, not waited for an answer`;
  if (attempts === 0) return `${where}: ${port}/tcp is open already`;
  const retried = attempts === 1 ? "" : `, at knock ${attempts}`;
  return `${where}: ${port}/tcp open after ${Math.ceil(elapsedMs)} ms${retried}`;
}

/** The error of a rotating knock whose port stayed silent; `nowMs` is this computer's clock. */
export function silentDoor(profile: Profile, outcome: KnockOutcome, nowMs: number): SallyportError {
  const { door, host, proto, lo, hi } = profile;
  return new SallyportError(
    `Cannot open ${door} on ${host}: ${countOf(outcome)} sent and ${outcome.port}/tcp still does not answer: check this computer's clock (${formatTime(nowMs)}), the network (${proto.toUpperCase()} to ports ${lo}-${hi} may be filtered) and, on the server, "sallyport why" with the address you come from`,
  );
}

/** The error of a fixed knock whose port stayed silent. */
export function silentHost(host: string, outcome: KnockOutcome): SallyportError {
  return new SallyportError(
    `Cannot open ${host}: ${countOf(outcome)} sent and ${outcome.port}/tcp still does not answer: check the sequence and its order, the network (the knocked ports may be filtered, or knocks overtake each other: try --delay 100) and, on the server, "sallyport why" with the address you come from`,
  );
}

/** One line on a knock under way. */
export function describeProgress(progress: KnockProgress): string {
  if (progress.type === "waiting") {
    return `waiting ${Math.ceil(progress.waitMs / 1_000)} s for a new slot: each opens only once`;
  }
  const { attempt, target, type } = progress;
  return type === "knocked"
    ? `knock ${attempt} sent to ${target.address}`
    : `knock ${attempt}: no answer from ${target.address}`;
}

/** What to say of a pause between packets that no server with the usual window would wait out. */
export function warnOfDelay(profile: Profile, gapMs: number): string | undefined {
  const seconds = sendingMs(profile, gapMs) / 1_000;
  const { windowSeconds } = DEFAULT_SPACE;
  if (seconds <= windowSeconds) return undefined;
  return `with this delay a knock takes ${Math.ceil(seconds)} s, and servers wait ${windowSeconds} s for the whole of it unless told otherwise: use a smaller --delay`;
}
