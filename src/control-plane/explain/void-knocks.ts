/** Knocks that are whole, but void: by terms that a reload changed, or by keys that were not read yet. */

import type { WhyFinding } from "../../api/control.ts";
import type { Settings } from "../../config/settings.ts";
import type { Address } from "../../core/address.ts";
import { sameAddress } from "../../core/address.ts";
import type { RotatingTry, Try } from "../../match/near-misses.ts";
import type { SubjectTable } from "../../match/subject-table.ts";
import { KeyTable } from "../../rks/key-table.ts";
import { clockTime, describeTry, showCommand } from "./describe-try.ts";
import type { FormerDoor } from "./former-terms.ts";
import { lostKey } from "../lost-keys.ts";
import { makePlan } from "../../data-plane/plan.ts";
import type { UsedKnocks } from "./used-knocks.ts";

/**
 * Subjects that a knock may have been made for, and the finding for such a knock; undefined where
 * another finding covers it.
 */
export interface Suspicion {
  readonly subjects: SubjectTable;
  readonly tell: (made: RotatingTry) => WhyFinding | undefined;
}

export interface Grounds {
  readonly settings: Settings;
  readonly subjects: SubjectTable;
  readonly former: readonly FormerDoor[];
  /** The keys of the file, where they differ from the keys in force. */
  readonly unread: KeyTable | undefined;
  readonly used: UsedKnocks;
  readonly source: Address;
  readonly nowMs: number;
}

function whose({ subject: { user, device, door } }: RotatingTry): string {
  return `${user}/${device} for ${door}`;
}

/** Whether two tries belong to one device at one door. */
export function sameHolder(a: RotatingTry, b: Try): boolean {
  return b.kind === "rotating" && whose(a) === whose(b);
}

/** Whether two tries are of one device at one door in one slot, by any terms. */
export function sameKnock(a: RotatingTry, b: Try): boolean {
  return b.kind === "rotating" && sameHolder(a, b) && a.lastMs <= b.lastMs && a.slot === b.slot;
}

/** Former terms and unread keys by which the knocks of a source may be whole. */
export function suspicions(grounds: Grounds): Suspicion[] {
  const { settings, subjects, former, unread, used, source, nowMs } = grounds;
  const inForce = new KeyTable(subjects.memory.keys);
  const byTerms = former.map(({ door, untilMs }): Suspicion => {
    const isGone = settings.doors.every(({ name }) => name !== door.name);
    const ended = clockTime(untilMs, nowMs);
    const why = isGone
      ? `a door that a reload took away at ${ended}`
      : `by terms that a reload changed at ${ended}`;
    return {
      subjects: makePlan({ ...settings, doors: [door] }, inForce).rotating,
      tell: (made) => {
        const use = used.find(made.subject, made.slot);
        if (use?.source !== undefined && sameAddress(use.source, source)) {
          const told = describeTry(made, { source, nowMs, uses: [use], ports: "all" });
          if (told.kind === "opened") return told;
        }
        const remedy = isGone ? "" : `: make a new one (${showCommand(made.subject)})`;
        return {
          kind: "terms",
          sentence: `The right ports of ${whose(made)}, ${why}: links of before are void${remedy}`,
        };
      },
    };
  });
  if (unread === undefined) return byTerms;
  const byKey: Suspicion = {
    subjects: makePlan(settings, unread).rotating,
    tell: (made) => {
      const { user, device } = made.subject;
      const isNew = inForce.find(user, device) < 0 || lostKey(inForce, unread, user, device);
      if (!isNew) return undefined;
      return {
        kind: "keys",
        sentence: `The right ports of ${whose(made)}, by a key that the daemon has not read yet: run "sallyport reload", then knock again`,
      };
    },
  };
  return [...byTerms, byKey];
}

/** The finding for doors whose links became void, where no knock shows whether it matters. */
export function describeFormer(former: readonly FormerDoor[], nowMs: number): WhyFinding[] {
  const [latest] = former;
  if (latest === undefined) return [];
  const names = [...new Set(former.map(({ door }) => door.name))].join(", ");
  return [
    {
      kind: "terms",
      sentence: `A reload changed how one knocks for ${names}, last at ${clockTime(latest.untilMs, nowMs)}: links of before are void: make new ones (sallyport user show NAME)`,
    },
  ];
}
