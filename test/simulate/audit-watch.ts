/**
 * Holds the audit log to its ninety days: what is older goes, and what is younger stays. Records come one after
 * another: one that comes after a young one is young, too, whatever a wrong clock called the time.
 */

import type { DaemonEvent } from "../../src/core/events.ts";
import type { Agenda } from "./agenda.ts";
import { Violation } from "./violation.ts";

const AGE_MS = 90 * 86_400_000;

/** Packets, events and records have clocks of their own. */
const NEARLY_MS = 3_600_000;

/** A record is in the file by then. */
const WRITTEN_MS = 5_000;

/** So many are deleted at once at least; after a clock was set ahead, more may be too old. */
const AT_ONCE = 500;

/** So many silences after the clock was set, and each with new records before it, all of these are gone. */
const SILENCES = 3;

/** What the audit log holds. */
export interface Logged {
  readonly count: number;
  /** The time of the newest record, in Unix milliseconds. */
  readonly newestMs: number;
  /** How many are older, with nothing before them that is not. */
  readonly olderThan: (ms: number) => number;
  /** How many openings are told, from this time on. */
  readonly openingsSince: (ms: number) => number;
}

interface Heard {
  /** As the record says. */
  readonly atMs: number;
  readonly monotonicMs: number;
  /** An opening that the log must tell; the others are only old or young. */
  readonly counts: boolean;
}

/** Of which the second goes on in a reboot. */
type Clock = Pick<Agenda, "wallMs" | "monotonicMs">;

export class AuditWatch {
  #heard: Heard[] = [];
  #silences = 0;
  /** The time of the newest record at the last check. */
  #newestMs = NaN;
  /** How many records there were at the last check. */
  #count = 0;
  /** Before the last new records: more than are deleted at once may have grown old together. */
  #wereMany = false;

  hear(event: DaemonEvent, monotonicMs: number): void {
    // Too many that anybody could forge are left out.
    const counts = event.type === "grant.opened" && event.grant.via !== "fixed";
    this.#heard.push({ atMs: Math.round(event.atMs), monotonicMs, counts });
  }

  /** Set ahead, what comes from before may be too old at once; set by less, old and young are hard to tell. */
  clockWasSet(byMs: number, clock: Clock): void {
    this.#heard = Math.abs(byMs) < AGE_MS ? [] : this.#young(clock);
    this.#silences = 0;
  }

  /** The process died; `all`: with what it had written, so that what was deleted may be back. */
  died(nowMs: number, all: boolean): void {
    if (all) this.#silences = 0;
    this.#heard = all
      ? []
      : this.#heard.filter(({ monotonicMs }) => nowMs - monotonicMs > WRITTEN_MS);
  }

  /** Call it in silences, when everything is written. */
  check(
    { count, newestMs, olderThan, openingsSince }: Logged,
    clock: Clock,
  ): Violation | undefined {
    // Only a new record makes the log forget: not every event is one.
    if (newestMs !== this.#newestMs) {
      this.#silences++;
      this.#wereMany = this.#count >= AT_ONCE;
    }
    this.#newestMs = newestMs;
    this.#count = count;
    const old = olderThan(newestMs - AGE_MS - NEARLY_MS);
    const isAll = this.#silences >= SILENCES && !this.#wereMany && count < AT_ONCE;
    if (old > 0 && isAll) {
      return new Violation("the audit log forgets", `${old} of ${count} records are too old`);
    }
    this.#heard = this.#young(clock);
    const opened = this.#heard.filter(({ counts }) => counts);
    const kept = openingsSince(Math.min(...opened.map(({ atMs }) => atMs)));
    if (kept >= opened.length) return undefined;
    const what = `${opened.length} openings of the last days, ${kept} of them are kept`;
    return new Violation("the audit log keeps ninety days", what);
  }

  #young(clock: Clock): Heard[] {
    const wallMs = clock.wallMs();
    const sinceMs = wallMs - AGE_MS + NEARLY_MS;
    // One of a clock that was ahead and looks young by now is no sign for those after it.
    const young = this.#heard.filter(
      ({ atMs, monotonicMs }) =>
        atMs >= sinceMs && atMs <= wallMs && clock.monotonicMs() - monotonicMs < AGE_MS,
    );
    const firstMs = Math.min(...young.map(({ atMs }) => atMs));
    const first = this.#heard.findIndex(({ atMs }) => atMs === firstMs);
    // Those of a clock that was ahead are not old yet.
    return this.#heard.filter(({ atMs }, i) => (first >= 0 && i >= first) || atMs >= sinceMs);
  }
}
