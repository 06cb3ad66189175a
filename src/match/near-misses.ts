/**
 * How close a source came to opening a door, and what it missed. For explanation only: it opens
 * nothing.
 */

import { PROTO_NUMBER } from "../core/port.ts";
import { KEY_BYTES } from "../rks/key.ts";
import { slotAt } from "../rks/slot.ts";
import { type FixedTry, fixedTries } from "./fixed-try.ts";
import type { Hit } from "./hit-table.ts";
import { keyAt, SubjectTable, type SubjectGroup, type Subjects } from "./subject-table.ts";
import type { FixedSubject, RotatingSubject } from "./subject.ts";

/**
 * Slots before the first and after the last knock that are searched for a wrong clock: 20 minutes
 * at 30 s.
 */
const SLOTS_AROUND = 40;

/** Sequences derived before others get their turn: about half a millisecond of work. */
const DERIVED_AT_ONCE = 1_024;

/**
 * A sequence that chance alone would hit as often as this, among all that were tried, is not a try.
 */
const MOST_CHANCE = 1e-3;

/** How many tries of one source are told. */
const MOST_TRIES = 8;

/**
 * Copies of one knock follow each other sooner: Linux repeats a SYN after 1, 2 and 4 seconds.
 */
const COPY_PAUSE_MS = 5_000;

/** A rotating sequence, hit in part or whole. */
export interface RotatingTry {
  readonly kind: "rotating";
  readonly subject: RotatingSubject;
  readonly slot: number;
  /**
   * Slots by which the sequence is ahead of the receiver's clock at its last knock; negative:
   * behind.
   */
  readonly offset: number;
  /**
   * All of its ports, in the order drawn. They are secret while the sequence may still be believed.
   */
  readonly ports: readonly number[];
  /** The ports of it that were heard, and those that never came. */
  readonly heard: number;
  readonly missing: readonly number[];
  /**
   * The missing ports are those drawn last: a link with fewer ports draws only the ones that came.
   */
  readonly shorter: boolean;
  /**
   * The most of its ports that came within one window, and when the first and the last of these
   * came.
   */
  readonly together: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /**
   * The last knock that hit every port of `heard`, with its copies: no pause in it is longer than
   * copies wait.
   */
  readonly run: { readonly firstMs: number; readonly lastMs: number };
  /** Milliseconds from the first to the last of all of its ports. */
  readonly spreadMs: number;
  /** Other ports hit between the first and the last of the `together` ports. */
  readonly others: number;
}

export type Try = RotatingTry | FixedTry;

export interface Candidates {
  readonly rotating: Subjects;
  readonly fixed: readonly FixedSubject[];
}

/**
 * The chance that `distinct` random ports of a range hit `heard` or more of the `ports` of one
 * sequence in it, at most.
 */
export function chanceOf(heard: number, ports: number, distinct: number, range: number): number {
  let chance = 1;
  for (let i = 0; i < heard; i++) chance *= ((ports - i) / (i + 1)) * Math.min(1, distinct / range);
  return Math.min(1, chance);
}

/**
 * Finds out what the knocks of one source were meant to be; the latest try comes first. A
 * generator, since many devices make many steps; each step is about half a millisecond of work.
 * `hits` are oldest first.
 */
export function* findTries(
  hits: readonly Hit[],
  { rotating, fixed }: Candidates,
): Generator<undefined, Try[]> {
  if (hits.length === 0) return [];
  const found: Found[] = [];
  const table = SubjectTable.of(rotating);
  for (const group of table.groups) yield* findIn(group, hits, table.length, found);
  // None of them is an accident, and the latest are those that somebody asks about.
  const best = found
    .sort((a, b) => b.made.lastMs - a.made.lastMs || a.chance - b.chance)
    .slice(0, MOST_TRIES);
  const whole = found.filter(({ made }) => made.missing.length === 0);
  const explained = new Set(whole.flatMap(({ made }) => hitsOf(made, hits)));
  const runs = fixedTries(fixed, hits, explained);
  return [...best.map(({ made }) => made), ...runs]
    .sort((a, b) => b.lastMs - a.lastMs)
    .slice(0, MOST_TRIES);
}

interface Found {
  readonly chance: number;
  readonly made: RotatingTry;
}

/** Adds to `found` every try that is no accident among so many subjects. */
function* findIn(
  group: SubjectGroup,
  hits: readonly Hit[],
  subjects: number,
  found: Found[],
): Generator<undefined, void> {
  const { space, parts, keys } = group;
  const { flags, ports: hit } = portsOf(hits, space.proto);
  const distinct = hit.filter((port) => port >= space.lo && port <= space.hi).length;
  if (distinct < 2) return;
  const firstMs = hits.reduce((least, { timeMs }) => Math.min(least, timeMs), Infinity);
  const lastMs = hits.reduce((most, { timeMs }) => Math.max(most, timeMs), -Infinity);
  const from = Math.max(0, slotAt(firstMs, space.stepSeconds) - SLOTS_AROUND);
  const to = slotAt(lastMs, space.stepSeconds) + SLOTS_AROUND;
  const tried = subjects * (to - from + 1);
  const ports = new Uint16Array(space.ports);
  let derived = 0;
  for (const [i, part] of parts.entries()) {
    const deriver = group.deriver(i);
    for (let slot = from; slot <= to; slot++) {
      deriver.turnTo(slot);
      for (let at = 0; at < part.count; at++) {
        if (++derived % DERIVED_AT_ONCE === 0) {
          yield;
          // Another search may have turned the deriver meanwhile.
          deriver.turnTo(slot);
        }
        deriver.derive(keys, keyAt(part, at), KEY_BYTES, ports, 0);
        let heard = 0;
        for (const port of ports) heard += flags[port]!;
        if (heard < 2) continue;
        const chance = chanceOf(heard, space.ports, distinct, space.hi - space.lo + 1) * tried;
        if (chance > MOST_CHANCE) continue;
        const subject = group.at(part.first + at);
        found.push({ chance, made: rotatingTry(subject, slot, ports, hits) });
      }
    }
  }
}

/** The knocks that made a try whole, and their copies. */
function hitsOf({ subject, ports, firstMs, lastMs, run }: RotatingTry, hits: readonly Hit[]) {
  const [fromMs, toMs] = [Math.min(firstMs, run.firstMs), Math.max(lastMs, run.lastMs)];
  return hits.filter(
    ({ proto, port, timeMs }) =>
      proto === PROTO_NUMBER[subject.space.proto] &&
      ports.includes(port) &&
      fromMs <= timeMs &&
      timeMs <= toMs,
  );
}

/** Runs a search to its end at once. */
export function findTriesNow(hits: readonly Hit[], subjects: Candidates): Try[] {
  const search = findTries(hits, subjects);
  for (;;) {
    const { done, value } = search.next();
    if (done === true) return value;
  }
}

/** The ports of a protocol that were hit; `flags` has a 1 for each of them. */
function portsOf(hits: readonly Hit[], proto: "tcp" | "udp") {
  const own = hits.filter((hit) => hit.proto === PROTO_NUMBER[proto]).map(({ port }) => port);
  const flags = new Uint8Array(65_536);
  for (const port of own) flags[port] = 1;
  return { flags, ports: [...new Set(own)] };
}

function rotatingTry(
  subject: RotatingSubject,
  slot: number,
  ports: Uint16Array,
  all: readonly Hit[],
): RotatingTry {
  const { space } = subject;
  const hits = all.filter(({ proto }) => proto === PROTO_NUMBER[space.proto]);
  const own = hits
    .filter(({ port }) => ports.includes(port))
    .toSorted((a, b) => a.timeMs - b.timeMs);
  const heard = new Set(own.map(({ port }) => port));
  const { together, firstMs, lastMs } = closestTogether(own, space.windowSeconds * 1_000);
  const between = hits.filter(({ timeMs }) => timeMs >= firstMs && timeMs <= lastMs);
  const missing = [...ports].filter((port) => !heard.has(port));
  const others = new Set(between.map(({ port }) => port).filter((port) => !heard.has(port)));
  return {
    kind: "rotating",
    subject,
    slot,
    offset: slot - slotAt(lastMs, space.stepSeconds),
    ports: [...ports],
    heard: heard.size,
    missing,
    shorter: missing.length > 0 && missing[0] === ports[heard.size],
    together,
    firstMs,
    lastMs,
    run: lastRun(own, heard.size),
    spreadMs: own.at(-1)!.timeMs - own[0]!.timeMs,
    others: others.size,
  };
}

/**
 * The last run of knocks, each soon after the one before, that hit `heard` ports; all of them where
 * none did. `own` is in the order of time.
 */
function lastRun(own: readonly Hit[], heard: number): RotatingTry["run"] {
  let end = own.length;
  while (end > 0) {
    let start = end - 1;
    while (start > 0 && own[start]!.timeMs - own[start - 1]!.timeMs <= COPY_PAUSE_MS) start--;
    const run = own.slice(start, end);
    if (new Set(run.map(({ port }) => port)).size === heard) {
      return { firstMs: run[0]!.timeMs, lastMs: run.at(-1)!.timeMs };
    }
    end = start;
  }
  return { firstMs: own[0]!.timeMs, lastMs: own.at(-1)!.timeMs };
}

/**
 * The window with the most distinct ports, the latest of equal ones; `own` is in the order of time.
 */
function closestTogether(own: readonly Hit[], windowMs: number) {
  let best = { together: 0, firstMs: 0, lastMs: 0 };
  for (const [last, { timeMs: lastMs }] of own.entries()) {
    const inside = own.slice(0, last + 1).filter(({ timeMs }) => lastMs - timeMs <= windowMs);
    const together = new Set(inside.map(({ port }) => port)).size;
    if (together >= best.together) best = { together, firstMs: inside[0]!.timeMs, lastMs };
  }
  return best;
}
