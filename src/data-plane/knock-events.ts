/** The events of knocks that opened nothing, since they came before. Pure. */

import { type Address, formatAddress } from "../core/address.ts";
import type { DaemonEvent } from "../core/events.ts";
import type { RotatingMatch, RotatingSubject } from "../match/subject.ts";
import type { Echo } from "./echo-watch.ts";

/** The same knock once more. */
export function repeatedKnock(match: RotatingMatch): DaemonEvent {
  return {
    type: "knock.repeated",
    atMs: match.timeMs,
    ...deviceOf(match.subject),
    address: formatAddress(match.source),
  };
}

/** The same knock from another address than the first time. */
export function reusedKnock(match: RotatingMatch, first: Address, firstMs: number): DaemonEvent {
  return {
    type: "knock.reused",
    atMs: match.timeMs,
    ...deviceOf(match.subject),
    address: formatAddress(match.source),
    firstAddress: formatAddress(first),
    firstMs,
  };
}

/** Most of a used sequence also came from another address. */
export function echoedKnock({ use, source, heard, ports }: Echo, atMs: number): DaemonEvent {
  return {
    type: "knock.reused",
    atMs,
    ...deviceOf(use.subject),
    address: formatAddress(source),
    firstAddress: formatAddress(use.source),
    firstMs: use.timeMs,
    part: { heard, ports },
  };
}

function deviceOf({ door, user, device }: RotatingSubject) {
  return { door, user, device };
}
