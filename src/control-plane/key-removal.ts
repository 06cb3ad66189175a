/** Ends the living grants of a removed key, and the sessions that outlived its grants. */

import type { Removed } from "../api/control.ts";
import { messageOf, SallyportError } from "../core/errors.ts";
import type { Grant } from "../core/grant.ts";
import type { KeyTable } from "../rks/key-table.ts";
import type { LastOpening } from "../store/audit-query.ts";
import { cutLeftovers, type LeftoverSurroundings } from "./leftover-cut.ts";
import type { Place } from "./leftover-sessions.ts";
import { log } from "./log.ts";
import type { OwedCloses } from "./owed-closes.ts";
import { counted } from "./start-report.ts";
import { grantsCutOff, type IsGone, lossOf } from "./lost-keys.ts";

export interface KeyRemoval extends LeftoverSurroundings {
  readonly before: KeyTable;
  readonly now: KeyTable;
  /** Devices of which a configuration between the two may have lost the keys. */
  readonly removed?: Removed | undefined;
  readonly closes: Pick<OwedCloses, "close">;
}

/** The grants and sessions that were ended. */
export interface Ended {
  readonly grants: Grant[];
  /** The places where sessions were cut whose grant was over. */
  readonly sessions: readonly Place[];
}

/**
 * Never throws for sessions of the past: trouble in finding or cutting them goes into the log. Throws SallyportError where
 * the kernel refuses to end a grant, when the others have ended: it is tried again.
 */
export async function endWithKeys(removal: KeyRemoval): Promise<Ended> {
  const { before, now, removed, grants, closes } = removal;
  const isGone = lossOf(before, now, removed);
  const ids = grantsCutOff(await grants(), isGone).map(({ id }) => id);
  const { ended, refusals } = await closes.close(ids);
  const sessions = await cutOf(removal, isGone);
  const [refusal] = refusals;
  if (refusal === undefined) return { grants: ended, sessions };
  const which = `${counted(refusals.length, "grant")} of a removed key`;
  throw new SallyportError(
    `The keys are in force, but ${which} could not be ended: ${refusal}; that is tried again until it is done`,
  );
}

async function cutOf(removal: KeyRemoval, isGone: IsGone): Promise<readonly Place[]> {
  const { before, removed } = removal;
  const users = usersWithout(before, isGone, removed);
  // Mostly a key was added, and then no grant can be affected.
  if (users.length === 0) return [];
  const isMeant = ({ user, device }: LastOpening) =>
    user !== undefined && device !== undefined && isGone(user, device);
  try {
    const { cut, unsearched } = await cutLeftovers(removal, { isMeant, users });
    if (unsearched > 0) {
      log(
        "warning",
        `Sessions of a removed key were not looked for at ${unsearched} earlier places`,
      );
    }
    return cut.map(({ door, address }) => ({ door, address }));
  } catch (error) {
    log("warning", `Sessions of a removed key may live on: ${messageOf(error)}`);
    return [];
  }
}

/** The users of whom a device has lost its key. */
function usersWithout(before: KeyTable, isGone: IsGone, removed: Removed | undefined): string[] {
  const users = new Set(removed === undefined ? [] : [removed.user]);
  for (let row = 0; row < before.length; row++) {
    const { user, device } = before.at(row);
    if (isGone(user, device)) users.add(user);
  }
  return [...users];
}
