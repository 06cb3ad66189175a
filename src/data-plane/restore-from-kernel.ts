/** Restores used sequences and living grants, which the kernel remembered while no daemon ran. */

import { formatAddress, formatPrefix } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import { type Grant, grantId } from "../core/grant.ts";
import { joinPorts } from "../core/port.ts";
import type { Door } from "../config/settings.ts";
import type { Firewall, KernelGrant } from "../firewall/firewall.ts";
import type { Matcher } from "../match/matcher.ts";
import { type Subjects, SubjectTable } from "../match/subject-table.ts";
import type { KnownUse, RotatingSubject } from "../match/subject.ts";
import { slotAt, slotStartMs } from "../rks/slot.ts";
import { useId } from "../rks/use-id.ts";
import { grantKind } from "./grant-request.ts";
import { parseLabel } from "./label.ts";
import type { Ledger } from "./ledger.ts";

/**
 * Marks every use that the kernel still remembers; a use is recognised by deriving it again. Uses
 * that the matcher knows already are derived first: where these are all, no other key is tried.
 * Returns those that it did not know, the latest of each subject.
 */
export function restoreUses(
  matcher: Matcher,
  subjects: Subjects,
  uses: readonly Uint8Array[],
  wallMs: number,
): KnownUse[] {
  if (uses.length === 0) return [];
  const unknown = new Set(uses.map((use) => use.toHex()));
  const table = SubjectTable.of(subjects);
  for (const use of matcher.usedSlots(wallMs - longestMs(table))) {
    const subject = table.find(use);
    if (subject !== undefined) unknown.delete(useId(subject.key, use.door, use.slot).toHex());
  }
  if (unknown.size === 0) return [];
  const found = Array.from(table, (subject) => latestOf(subject, unknown, wallMs));
  const learnt = found.filter((use) => use !== undefined);
  for (const use of learnt) matcher.markUsed(use);
  return learnt;
}

/** A use of which something was told, and the key that it is of. */
export interface ToldUse {
  readonly use: KnownUse;
  readonly key: Uint8Array;
}

/**
 * Gives the uses that the old plan's matcher knows, and those that were `left` before, to the new one's: those
 * of a key with the same name in both. A use without a source never happened: a start that had lost
 * its memory marked it, and the plan carries it as long as it counts. Returns the uses that find no place there
 * although something was told of them: the plan after that may have one, and the store does not know
 * what was told.
 */
export function carryUses(
  from: { readonly matcher: Matcher; readonly subjects: Subjects },
  to: { readonly matcher: Matcher; readonly subjects: Subjects },
  left: readonly ToldUse[] = [],
): ToldUse[] {
  const [before, after] = [SubjectTable.of(from.subjects), SubjectTable.of(to.subjects)];
  const leaving: ToldUse[] = [];
  const carry = ({ use, key }: ToldUse) => {
    const own = after.find(use)?.key;
    if (own !== undefined && isSameKey(own, key) && to.matcher.markUsed(use)) return;
    if (use.repeated === true || use.reused === true) leaving.push({ use, key: key.slice() });
  };
  for (const told of left) carry(told);
  for (const use of from.matcher.usedSlots()) {
    if (use.source !== undefined) carry({ use, key: before.find(use)!.key });
  }
  return leaving;
}

function isSameKey(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function latestOf(
  { door, user, device, key, space }: RotatingSubject,
  known: ReadonlySet<string>,
  wallMs: number,
): KnownUse | undefined {
  const { skew, stepSeconds } = space;
  const present = slotAt(wallMs, stepSeconds);
  // In the kernel a use outlives its slot's skew by a step, hence one more slot back.
  for (let slot = present + skew; slot >= present - skew - 1 && slot >= 0; slot--) {
    // Uses only move forward, so the latest is enough.
    if (known.has(useId(key, door, slot).toHex())) return { door, user, device, stepSeconds, slot };
  }
  return undefined;
}

/** The longest time that the kernel remembers a use. */
function longestMs({ groups }: SubjectTable): number {
  const lives = groups.map(({ space }) => (2 * space.skew + 2) * space.stepSeconds * 1_000);
  return Math.max(0, ...lives);
}

/**
 * Tells the kernel the uses of every slot that could still be accepted; those it knows stay as they
 * are. At most about `most` of them at once, from the subject at the place `after` on. Returns
 * where to continue, if anywhere.
 */
export function rememberUses(
  firewall: Firewall,
  matcher: Matcher,
  subjects: Subjects,
  wallMs: number,
  { after, most } = { after: 0, most: Infinity },
): number | undefined {
  const table = SubjectTable.of(subjects);
  const uses = [];
  let next: number | undefined;
  for (const [place, known] of matcher.usedSubjects(wallMs - longestMs(table), after)) {
    if (uses.length >= most) {
      next = place;
      break;
    }
    for (const use of known) {
      const subject = table.find(use);
      if (subject === undefined) continue;
      const { skew, stepSeconds } = subject.space;
      const forMs = slotStartMs(use.slot + skew + 2, stepSeconds) - wallMs;
      if (forMs > 0) uses.push({ id: useId(subject.key, use.door, use.slot), forMs });
    }
  }
  firewall.remember(uses);
  return next;
}

/** What restoring found besides the grants themselves. */
export interface RestoredGrants {
  /** The ids of grants whose elements have, or had, several holders. */
  readonly shared: readonly string[];
  /**
   * The same grants by terms of before a reload: a daemon died between giving them anew and taking the old
   * elements away. The ledger does not hold these.
   */
  readonly replaced: readonly Grant[];
}

/**
 * Enters living grants into the ledger, each with the ports that its elements open; its door may
 * open others by now. Ignores elements without our label. Where a grant has elements of two kinds, that of
 * the `doors` counts, else the last.
 */
export function restoreGrants(
  ledger: Ledger,
  elements: readonly KernelGrant[],
  clock: Clock,
  doors: readonly Door[] = [],
): RestoredGrants {
  const byName = new Map(doors.map((door) => [door.name, door]));
  const isPresent = ({ grant }: FoundGrant) => {
    const door = byName.get(grant.door);
    const kind = door && grantKind(door, grant);
    return kind === grant.kind && (kind !== "idle" || door?.idleCloseMs === grant.idleMs);
  };
  // Of those that share a place the first holder comes first, as in the daemon that gave them.
  const found = grantsOf(elements, clock).sort((a, b) => a.grant.openedMs - b.grant.openedMs);
  const present = found.filter(isPresent);
  const other = found.filter((one) => !isPresent(one));
  const replaced: Grant[] = [];
  for (const { grant, remainingMs, capMs } of [...other, ...present]) {
    const before = ledger.get(grant.id);
    if (before !== undefined) replaced.push(before);
    ledger.open(grant, remainingMs, clock.monotonicMs(), capMs);
  }
  const shared = found.filter((one) => one.shared).map(({ grant }) => grant.id);
  return { shared, replaced };
}

interface FoundGrant {
  readonly grant: Grant;
  readonly remainingMs: number;
  readonly capMs: number;
  readonly shared: boolean;
}

function grantsOf(elements: readonly KernelGrant[], clock: Clock): FoundGrant[] {
  const wallMs = clock.wallMs();
  const grants = Map.groupBy(
    elements.filter(({ label }) => parseLabel(label) !== undefined),
    ({ label, address, kind, idleMs }) => `${label} ${formatAddress(address)} ${kind} ${idleMs}`,
  );
  return Array.from(grants.values(), (own) => {
    const { label, address, prefix6, kind, idleMs } = own[0]!;
    const holder = parseLabel(label)!;
    const text = prefix6 === 64 ? formatPrefix({ address, bits: 64 }) : formatAddress(address);
    const remainingMs = Math.max(...own.map((element) => element.remainingMs));
    const openedMs = Math.min(...own.map((element) => element.openedMs ?? wallMs));
    const capMs = Math.max(...own.map(({ maxRemainingMs = 0 }) => maxRemainingMs));
    const grant: Grant = {
      id: grantId(holder.door, text, holder),
      ...holder,
      address: text,
      ports: joinPorts(own.map(({ port }) => port)),
      kind,
      ...(idleMs !== undefined && { idleMs }),
      openedMs: Math.round(openedMs),
      expiresMs: wallMs + remainingMs,
    };
    const shared = own.some((element) => element.shared === true);
    return { grant, remainingMs, capMs, shared };
  });
}
