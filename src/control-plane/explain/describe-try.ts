/** Puts into words why a try did not open a door, or that it did. */

import { DEFAULT_DEVICE } from "../../config/names.ts";
import { formatAddress, sameAddress, type Address } from "../../core/address.ts";
import { formatDuration } from "../../core/duration.ts";
import { formatPort } from "../../core/port.ts";
import type { FixedTry } from "../../match/fixed-try.ts";
import type { RotatingTry, Try } from "../../match/near-misses.ts";
import { slotAt, slotStartMs } from "../../rks/slot.ts";
import { SPACE_LIMITS } from "../../rks/space.ts";
import type { WhyFinding } from "../../api/control.ts";
import type { EndedUse } from "./used-knocks.ts";

/** The facts that a description needs beside the try. */
export interface TryFacts {
  readonly source: Address;
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** The known uses of the try's subject; of two with one slot, the first counts. */
  readonly uses: readonly EndedUse[];
  /**
   * "all": for the operator, who holds the keys anyway. "past": a sequence that may still be
   * believed is described by numbers only, because logs travel.
   */
  readonly ports: "all" | "past";
}

/** "12:03:07 UTC", with the date unless it is today. */
export function clockTime(ms: number, nowMs: number): string {
  const [date, time] = new Date(ms).toISOString().split("T");
  const today = new Date(nowMs).toISOString().startsWith(date!);
  return `${today ? "" : `${date} `}${time!.slice(0, 8)} UTC`;
}

/** `atMs` of the finding is the last knock of the try; of the knock that opened, its own last. */
export function describeTry(made: Try, facts: TryFacts): WhyFinding {
  const told = made.kind === "rotating" ? rotating(made, facts) : fixed(made, facts);
  const isOpening = made.kind === "rotating" && told.kind === "opened";
  return { ...told, atMs: Math.round(isOpening ? made.run.lastMs : made.lastMs) };
}

type Told = Pick<WhyFinding, "kind" | "sentence">;

function rotating(made: RotatingTry, facts: TryFacts): Told {
  const { subject, slot, heard, missing, together, offset, others, spreadMs } = made;
  const { ports, skew, slack, windowSeconds, stepSeconds } = subject.space;
  const who = `${subject.user}/${subject.device} for ${subject.door}`;
  const late = Math.abs(offset) > skew;
  // Terms may have changed since: a knock that opened then was whole then.
  const opened = describeUser(made, facts);
  if (opened !== undefined && (missing.length === 0 || opened.kind === "opened")) return opened;
  if (missing.length > 0) {
    const drift = late ? `, and ${drifted(made)}` : "";
    const usable = slot >= slotAt(facts.nowMs, stepSeconds) - skew;
    const named = facts.ports === "all" || !usable ? missing.join(", ") : "the others";
    // A shorter sequence would not be allowed.
    const shorter = made.shorter && heard >= SPACE_LIMITS.ports.min;
    const why = shorter
      ? `either filtered on the way, or its link was made for ${heard} ports, before ports was changed: then make a new one (${showCommand(subject)})`
      : "filtered on the way?";
    return {
      kind: "incomplete",
      sentence: `${heard} of ${ports} ports of ${who}, ${named} never arrived: ${why}${drift}`,
    };
  }
  const spent = describeSpent(made, facts);
  if (spent !== undefined) return spent;
  if (late) {
    return {
      kind: "clock",
      sentence: `The right ports of ${who}, ${slotsOff(made)}: ${drifted(made)}: ${SET_CLOCK}`,
    };
  }
  if (together < ports) {
    return {
      kind: "slow",
      sentence: `The right ports of ${who}, but over ${Math.ceil(spreadMs / 1_000)} s: knock.window is ${windowSeconds} s`,
    };
  }
  if (others > slack) {
    return {
      kind: "crowded",
      sentence: `The right ports of ${who}, but with ${others} other ports in between: knock.slack is ${slack}: is somebody else scanning from this address?`,
    };
  }
  return {
    kind: "refused",
    sentence: `The right ports of ${who}, but no use of them is known: the door could not be opened then: look at the log at ${clockTime(made.lastMs, facts.nowMs)}`,
  };
}

/** The address that used a sequence, as far as it is known. */
function describeUser(made: RotatingTry, { source, nowMs, uses }: TryFacts): Told | undefined {
  const { user, device, door } = made.subject;
  const who = `${user}/${device} for ${door}`;
  const use = uses.find((one) => one.slot === made.slot && one.source !== undefined);
  if (use?.source === undefined || use.timeMs === undefined) return undefined;
  const at = clockTime(use.timeMs, nowMs);
  const late = Math.abs(made.offset) > made.subject.space.skew;
  if (!sameAddress(use.source, source)) {
    const drift = late ? `; by its slot, ${drifted(made)}` : "";
    return {
      kind: "used",
      sentence: `The right ports of ${who}, already used at ${at} from ${formatAddress(use.source)}: each knock opens once (addresses can be forged)${drift}`,
    };
  }
  const isSame = made.run.firstMs <= use.timeMs;
  const isOpen = use.endedMs !== undefined && made.run.lastMs < use.endedMs;
  if (isSame || isOpen) {
    return { kind: "opened", sentence: `The right knock of ${who}: it opened at ${at}` };
  }
  const used = `their slot was used at ${at} from this very address, so they opened nothing this time`;
  if (late) {
    return {
      kind: "used",
      sentence: `The right ports of ${who}, ${slotsOff(made)}: ${used}: ${drifted(made)}: ${SET_CLOCK}`,
    };
  }
  return {
    kind: "used",
    sentence: `The right ports of ${who}, but ${used}: two devices with one link, or a device that lost its state?`,
  };
}

/** The finding on a sequence that is spent although no opening is known; undefined when it was not spent. */
function describeSpent(
  { subject, slot, offset }: RotatingTry,
  { uses }: TryFacts,
): Told | undefined {
  const { user, device, door, space } = subject;
  const last = Math.max(-1, ...uses.map((use) => use.slot));
  if (slot > last || Math.abs(offset) > space.skew) return undefined;
  return {
    kind: "used",
    sentence: `The right ports of ${user}/${device} for ${door}, but this knock or a later one was used before: a device knocks forward only: wait for the next slot (${space.stepSeconds} s)`,
  };
}

/** The command that makes a new link. */
export function showCommand({
  user,
  device,
}: Pick<RotatingTry["subject"], "user" | "device">): string {
  const option = device === DEFAULT_DEVICE ? "" : ` --device ${device}`;
  return `sallyport user show ${user}${option}`;
}

const SET_CLOCK = "set it, or let it be set over the network (NTP)";

function slotsOff({ offset }: RotatingTry): string {
  const slots = Math.abs(offset) === 1 ? "1 slot" : `${Math.abs(offset)} slots`;
  return offset < 0 ? `of ${slots} ago` : `${slots} early`;
}

/** How far a clock is off, measured from the middle of the slot it believed in. */
function drifted({ subject, slot, offset, lastMs }: RotatingTry): string {
  const { stepSeconds } = subject.space;
  const middleMs = slotStartMs(slot, stepSeconds) + stepSeconds * 500;
  const seconds = Math.round(Math.abs(middleMs - lastMs) / 1_000);
  return `that clock is off by about ${seconds} s (${offset < 0 ? "slow" : "fast"})`;
}

function fixed({ subject, accepted, firstMs, lastMs, ended }: FixedTry, facts: TryFacts): Told {
  const { door, action, sequence } = subject;
  const total = sequence.knocks.length;
  if (accepted === total) {
    return {
      kind: action === "open" ? "opened" : "closed",
      sentence: `The whole sequence to ${action} ${door}, in order`,
    };
  }
  const so = `Fixed sequence to ${action} ${door}: ${accepted} of ${total}`;
  if (ended === "late") {
    return {
      kind: "fixed",
      sentence: `${so} in ${Math.ceil((lastMs - firstMs) / 1_000)} s, then its time was over (${formatDuration(sequence.timeoutMs)} from the first knock)`,
    };
  }
  // A fixed sequence stays valid for ever.
  const next = facts.ports === "all" ? formatPort(sequence.knocks[accepted]!) : "the next";
  if (ended === undefined) {
    return {
      kind: "fixed",
      sentence: `${so}, then ${next} never arrived: filtered on the way?`,
    };
  }
  return {
    kind: "fixed",
    sentence: `${so}, then ${formatPort(ended)} came in between: any other port from the lowest to the highest starts it anew`,
  };
}
