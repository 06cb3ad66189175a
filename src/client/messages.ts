/**
 * The messages to a person about a knock. They never contain a port of a rotating sequence or a
 * key.
 */

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
  const { state, target, port, before, attempts, sinceKnockMs } = outcome;
  const where = what.endsWith(target.address) ? what : `${what} (${target.address})`;
  if (state === "sent") return `${where}: knock sent, without waiting for an answer`;
  if (attempts === 0) return `${where}: ${port}/tcp is open already`;
  if (before === "open") {
    return `${where}: ${port}/tcp is open, and was open before the knock: from here nobody can tell whether the knock was believed`;
  }
  const retried = attempts === 1 ? "" : `, at knock ${attempts}`;
  return `${where}: ${port}/tcp open after ${Math.ceil(sinceKnockMs)} ms${retried}`;
}

/**
 * The error of a knock that led to no connection. `checks` names what may have kept the server from
 * believing it.
 */
function failed(what: string, outcome: KnockOutcome, checks: string): SallyportError {
  const { state, port, before } = outcome;
  const sent = `${countOf(outcome)} sent`;
  const ask = 'on the server, "sallyport why" with the address you come from';
  if (state === "silent") {
    return new SallyportError(
      `Cannot open ${what}: ${sent} and ${port}/tcp still does not answer: check ${checks} and, ${ask}`,
    );
  }
  const said =
    before === "silent"
      ? `${port}/tcp, silent before, refuses now: the door may be open and nothing answers behind it: check that the service runs there`
      : `${port}/tcp refuses as it did before: either the door did not open, or nothing answers behind it: check that the service runs there, ${checks}`;
  return new SallyportError(`Cannot reach ${what}: ${sent} and ${said} and, ${ask}`);
}

/** The error of a rotating knock that led to no connection; `nowMs` is this computer's clock. */
export function failedDoor(profile: Profile, outcome: KnockOutcome, nowMs: number): SallyportError {
  const { door, host, proto, lo, hi } = profile;
  return failed(
    `${door} on ${host}`,
    outcome,
    `this computer's clock (${formatTime(nowMs)}), the network (${proto.toUpperCase()} to ports ${lo}-${hi} may be filtered)`,
  );
}

/** The error of a fixed knock that led to no connection. */
export function failedHost(host: string, outcome: KnockOutcome): SallyportError {
  return failed(
    host,
    outcome,
    "the sequence and its order, the network (the knocked ports may be filtered, or knocks overtake each other: try --delay 100)",
  );
}

/** One line on a knock under way. */
export function describeProgress(progress: KnockProgress): string {
  if (progress.type === "waiting") {
    return `waiting ${Math.ceil(progress.waitMs / 1_000)} s for a new slot: each opens only once`;
  }
  if (progress.type === "shared") {
    return `knock ${progress.attempt}: another program of yours has just sent it: waiting for what it opens`;
  }
  const { attempt, target, type } = progress;
  if (type === "knocked") return `knock ${attempt} sent to ${target.address}`;
  return type === "refused"
    ? `knock ${attempt}: ${target.address} refuses the connection`
    : `knock ${attempt}: no answer from ${target.address}`;
}

/** A warning of a pause between packets that is too long for a server with the usual window. */
export function warnOfDelay(profile: Profile, gapMs: number): string | undefined {
  const seconds = sendingMs(profile, gapMs) / 1_000;
  const { windowSeconds } = DEFAULT_SPACE;
  if (seconds <= windowSeconds) return undefined;
  return `with this delay a knock takes ${Math.ceil(seconds)} s, and servers wait ${windowSeconds} s for the whole of it unless told otherwise: use a smaller --delay`;
}
