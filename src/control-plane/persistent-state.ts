/** The state that outlives a daemon: uses of knocks, the wait after a loss, the audit log, owed commands. */

import { parseAddress } from "../core/address.ts";
import type { DaemonEvent } from "../core/events.ts";
import { readBootId } from "../files/boot-id.ts";
import { type Subjects, SubjectTable } from "../match/subject-table.ts";
import type { KnownUse } from "../match/subject.ts";
import { slotAt, slotStartMs } from "../rks/slot.ts";
import type { KnockSpace } from "../rks/space.ts";
import { AuditLog } from "../store/audit.ts";
import type { AuditRecord } from "../store/audit-record.ts";
import { OwedCommands } from "../store/owed.ts";
import { Place } from "../store/place.ts";
import type { StoreNotice } from "../store/state-file.ts";
import { keyFingerprint, type Use, usesOf } from "../store/use.ts";
import { UseStore } from "../store/uses.ts";

/** Longer than two audits, the first of which may fail. */
const UNTOLD_MS = 90_000;

export interface PersistentStateParts {
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** A file of the state folder failed, works again or was replaced. */
  readonly report: (notice: StoreNotice) => void;
  /** Names the present boot of the machine. Default: the kernel's name for it. */
  readonly bootId?: string;
  /** As `UseStoreOptions.bootedMs`. */
  readonly bootedMs?: () => number;
  /** The kernel still has the table of the last run, and every use that the disk may lack. Default: it has. */
  readonly kernelKept?: () => boolean;
}

export class PersistentState {
  readonly audit: AuditLog;
  readonly owed: OwedCommands;
  /** Why uses may have been forgotten; undefined when that is impossible. */
  readonly lost: string | undefined;
  readonly #uses: UseStore;
  /** Sequences up to this time may have been used. Wall clock, moved when that is set. */
  #doubtMs: number;

  /** Never throws for a bad file or disk: the failure is reported, and the work goes on from memory. */
  constructor(
    stateDir: string,
    {
      nowMs,
      report,
      bootId = readBootId(),
      bootedMs,
      kernelKept = () => true,
    }: PersistentStateParts,
  ) {
    const place = new Place(stateDir);
    const opened = UseStore.open(stateDir, { bootId, bootedMs, nowMs, report, place, kernelKept });
    this.#uses = opened.store;
    this.lost = opened.trust === "lost" ? opened.reason : undefined;
    this.#doubtMs = (opened.trust === "lost" ? opened.sinceMs : undefined) ?? nowMs;
    this.audit = new AuditLog(stateDir, { nowMs, report, place });
    this.owed = new OwedCommands(stateDir, { nowMs, report, place });
  }

  /**
   * The uses that a matcher must know; after a loss, every use that could have been made is among
   * them.
   */
  usesFor(subjects: Subjects): KnownUse[] {
    const table = SubjectTable.of(subjects);
    const remembered = this.#usesOf(table).map(knownUse);
    if (this.lost === undefined) return remembered;
    const doubtful = Array.from(table, ({ door, user, device, space }): KnownUse => {
      // A client's clock may be ahead of ours by the skew, and its knock may be used already.
      const { stepSeconds, skew } = space;
      const slot = slotAt(this.#doubtMs, stepSeconds) + skew;
      return { door, user, device, stepSeconds, slot, doubtful: true };
    });
    return [...remembered, ...doubtful];
  }

  /**
   * When the last of these doors believes knocks again after a loss, in Unix milliseconds; -Infinity without a loss,
   * since a clock may be before 1970.
   */
  waitsUntilMs(subjects: Subjects): number {
    return this.#slotsAfterLossMs(subjects, ({ skew }) => skew + 1);
  }

  /**
   * When nobody believes a knock of before the loss any more, in Unix milliseconds; -Infinity without one. This is later than
   * the wait: this run remembers which slots it refuses, a run after it would believe those that are as old as the skew.
   */
  doubtsUntilMs(subjects: Subjects): number {
    return this.#slotsAfterLossMs(subjects, ({ skew }) => 2 * skew + 1);
  }

  #slotsAfterLossMs(subjects: Subjects, slots: (space: KnockSpace) => number): number {
    if (this.lost === undefined) return -Infinity;
    const ends = SubjectTable.of(subjects).groups.map(({ space }) =>
      slotStartMs(slotAt(this.#doubtMs, space.stepSeconds) + slots(space), space.stepSeconds),
    );
    return Math.max(...ends);
  }

  /**
   * For how long a table that is loaded now may lack what the disk lacks as well, in milliseconds: until a loss is over
   * for later runs, too, or until an audit has told the kernel the uses.
   */
  doubtMs(subjects: Subjects, nowMs: number): number {
    if (this.#uses.complete) return 0;
    return Math.max(UNTOLD_MS, this.doubtsUntilMs(subjects) - nowMs);
  }

  /** The clock was set: after a loss, the wait is computed anew from the new time. */
  clockWasSet(nowMs: number): void {
    this.#doubtMs = nowMs;
  }

  /** A loss counts for a run after this one as well, or no longer does: a start before then goes on with its wait. */
  keepDoubt(counts: boolean): void {
    this.#uses.doubt(counts ? this.#doubtMs : undefined);
  }

  /**
   * Remembers uses that only the kernel knew: an earlier daemon died before it had written them,
   * and the kernel forgets them at a reboot.
   */
  learn(uses: readonly KnownUse[], subjects: Subjects): void {
    for (const { door, user, device, stepSeconds, slot } of uses) {
      const subject = SubjectTable.of(subjects).find({ door, user, device });
      if (subject === undefined) continue;
      const fingerprint = keyFingerprint(subject.key);
      this.#uses.record({ door, user, device, fingerprint, stepSeconds, slot });
    }
  }

  /** Remembers the use of an opening, also of one that nobody heard of, and enters the event into the audit log. */
  hear(event: DaemonEvent, subjects: Subjects): void {
    this.note(event);
    const spent = spentBy(event);
    const subject = spent && SubjectTable.of(subjects).find(spent);
    if (subject === undefined) return;
    const fingerprint = keyFingerprint(subject.key);
    this.#uses.record({ ...spent!, fingerprint, timeMs: event.atMs });
  }

  /**
   * Like `usesOf`, but computes the fingerprints of all subjects only where a use fits no key of
   * its name.
   */
  #usesOf(table: SubjectTable): Use[] {
    const strange: Use[] = [];
    const own = this.#uses.all().filter((use) => {
      const subject = table.find(use);
      const known = subject !== undefined && keyFingerprint(subject.key) === use.fingerprint;
      if (!known) strange.push(use);
      return known && subject.space.stepSeconds === use.stepSeconds;
    });
    return strange.length === 0 ? own : [...own, ...usesOf(strange, table)];
  }

  note(record: AuditRecord): void {
    this.audit.add(record);
  }

  /** Notes for the next start that this time has passed, and tries a failed disk again; call it regularly. */
  seen(nowMs: number): void {
    this.#uses.seen(nowMs);
    this.owed.retry();
  }

  /** The end. `heardAll`: every possible use was reported, so that the next start need not wait. */
  close(nowMs: number, heardAll = true): void {
    this.#uses.close(nowMs, heardAll);
    this.audit.close();
    this.owed.close();
  }
}

/** The use that an event tells of. */
function spentBy(event: DaemonEvent): Omit<Use, "fingerprint" | "timeMs"> | undefined {
  if (event.type === "fault" && event.unheard !== undefined) {
    const { used, address: source, ...subject } = event.unheard;
    return { ...subject, ...used, source };
  }
  if (event.type !== "grant.opened" || event.used === undefined) return undefined;
  const { door, user = "", device = "" } = event.grant;
  return { door, user, device, ...event.used, source: event.source };
}

/** In the matcher's form: the address in words, absent facts left out. */
function knownUse({ door, user, device, stepSeconds, slot, source, timeMs }: Use): KnownUse {
  const address = source === undefined ? undefined : parseAddress(source);
  return {
    door,
    user,
    device,
    stepSeconds,
    slot,
    ...(address !== undefined && { source: address }),
    ...(timeMs !== undefined && { timeMs }),
  };
}
