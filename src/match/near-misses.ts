/** Says how close a source came to opening a door, and what was missing. For explanation only: it opens nothing. */

import { type Address, formatAddress, type Family } from "../core/address.ts";
import type { Knock } from "../core/knock.ts";
import { PROTO_NUMBER } from "../core/port.ts";
import { sequencePorts } from "../rks/sequence.ts";
import { slotAt } from "../rks/slot.ts";
import type { FixedSubject, RotatingSubject } from "./subject.ts";

/** Bounds of what is remembered, so that a flood cannot make an explanation expensive. */
const MOST_SOURCES = 4_096;
const MOST_HITS = 512;

/** Slots before and after the present one in which a wrong clock is looked for: 20 minutes at 30 s. */
const SLOTS_AROUND = 40;

interface Hit {
  readonly timeMs: number;
  readonly proto: number;
  readonly port: number;
}

interface Subjects {
  readonly rotating: readonly RotatingSubject[];
  readonly fixed: readonly FixedSubject[];
}

interface Closest {
  readonly subject: RotatingSubject;
  /** Slots ahead of the receiver's clock; negative: behind. */
  readonly offset: number;
  readonly heard: number;
  readonly missing: readonly number[];
  /** From the first to the last of the ports heard. */
  readonly spreadMs: number;
}

export class NearMisses {
  readonly #subjects: Subjects;
  readonly #hits = new Map<string, Hit[]>();

  constructor(subjects: Subjects) {
    this.#subjects = subjects;
  }

  /** Notes a knock; the first `MOST_SOURCES` sources and the last `MOST_HITS` knocks of each are kept. */
  feed(knock: Knock): void {
    const source = formatAddress(sourceOf(knock));
    let hits = this.#hits.get(source);
    if (hits === undefined) {
      if (this.#hits.size >= MOST_SOURCES) return;
      hits = [];
      this.#hits.set(source, hits);
    }
    hits.push({ timeMs: knock.timeMs, proto: knock.proto, port: knock.port });
    if (hits.length > MOST_HITS) hits.shift();
  }

  /** One sentence for every source that hit at least half of a sequence; sources in `opened` are left out. */
  explain(opened: ReadonlySet<string> = new Set()): string[] {
    const sentences: string[] = [];
    for (const [source, hits] of this.#hits) {
      if (opened.has(source)) continue;
      const closest = this.#closestRotating(hits);
      if (closest !== undefined) sentences.push(describeRotating(source, closest));
      const fixed = this.#closestFixed(source, hits);
      if (fixed !== undefined) sentences.push(fixed);
    }
    return sentences;
  }

  #closestRotating(hits: readonly Hit[]): Closest | undefined {
    const lastMs = hits.at(-1)!.timeMs;
    let best: Closest | undefined;
    for (const subject of this.#subjects.rotating) {
      const { space, key, door } = subject;
      const times = new Map<number, number>();
      for (const { proto, port, timeMs } of hits) {
        if (proto === PROTO_NUMBER[space.proto]) times.set(port, timeMs);
      }
      const present = slotAt(lastMs, space.stepSeconds);
      for (let slot = Math.max(0, present - SLOTS_AROUND); slot <= present + SLOTS_AROUND; slot++) {
        const ports = [...sequencePorts(key, door, space, slot)];
        const heard = ports.flatMap((port) => times.get(port) ?? []);
        if (heard.length * 2 < ports.length || heard.length <= (best?.heard ?? 0)) continue;
        best = {
          subject,
          offset: slot - present,
          heard: heard.length,
          missing: ports.filter((port) => !times.has(port)),
          spreadMs: Math.max(...heard) - Math.min(...heard),
        };
      }
    }
    return best;
  }

  #closestFixed(source: string, hits: readonly Hit[]): string | undefined {
    for (const { door, action, sequence } of this.#subjects.fixed) {
      let accepted = 0;
      for (const { proto, port } of hits) {
        const next = sequence.knocks[accepted];
        if (next === undefined) break;
        if (PROTO_NUMBER[next.proto] === proto && next.port === port) accepted++;
      }
      if (accepted * 2 < sequence.knocks.length) continue;
      const total = sequence.knocks.length;
      const why =
        accepted < total
          ? `the rest never arrived in order: were they sent, and are they filtered on the way?`
          : `in order, but other ports between them or more than ${sequence.timeoutMs / 1_000} s: both start a sequence anew`;
      return `${source}: ${accepted} of ${total} knocks to ${action} ${door}: ${why}`;
    }
    return undefined;
  }
}

function describeRotating(source: string, closest: Closest): string {
  const { subject, offset, heard, missing, spreadMs } = closest;
  const who = `${subject.user}/${subject.device} at ${subject.door}`;
  const { ports, skew, windowSeconds, stepSeconds } = subject.space;
  const shift = `about ${Math.abs(offset) * stepSeconds} s ${offset < 0 ? "slow" : "fast"}`;
  if (missing.length > 0) {
    const drift = Math.abs(offset) > skew ? ` (and that clock is ${shift})` : "";
    return `${source}: ${heard} of ${ports} ports of ${who}, ${missing.join(", ")} never arrived: filtered on the way?${drift}`;
  }
  if (Math.abs(offset) > skew) {
    return `${source}: the right ports of ${who}, ${Math.abs(offset)} slots ${offset < 0 ? "ago" : "ahead"}: that clock is ${shift}`;
  }
  if (spreadMs > windowSeconds * 1_000) {
    return `${source}: the right ports of ${who}, but within ${Math.ceil(spreadMs / 1_000)} s: the window is ${windowSeconds} s`;
  }
  return `${source}: the right ports of ${who}, used before or among too many others`;
}

function sourceOf(knock: Knock): Address {
  const family: Family = knock.family;
  return { family, a0: knock.s0, a1: knock.s1, a2: knock.s2, a3: knock.s3 };
}
