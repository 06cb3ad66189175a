/** Ends the living grants of a removed key, and the sessions that outlived its grants. */

import type { Removed } from "../api/control.ts";
import type { Settings } from "../config/settings.ts";
import { messageOf } from "../core/errors.ts";
import type { Grant } from "../core/grant.ts";
import { cutSessions } from "../firewall/cut-sessions.ts";
import type { KeyTable } from "../rks/key-table.ts";
import { AuditReader } from "../store/audit-query.ts";
import { findLeftovers, type Leftover, type Place } from "./leftover-sessions.ts";
import { log } from "./log.ts";
import { grantsCutOff, type IsGone, lossOf } from "./lost-keys.ts";

export interface KeyRemoval {
  readonly before: KeyTable;
  readonly now: KeyTable;
  /** Devices of which a configuration between the two may have lost the keys. */
  readonly removed?: Removed | undefined;
  readonly settings: Settings;
  readonly grants: () => Promise<readonly Grant[]>;
  readonly close: (id: string) => Promise<Grant | undefined>;
  /** Writes the waiting entries of the audit log. */
  readonly flushAudit: () => void;
  /** Default: ends those of this machine. */
  readonly cut?: typeof cutSessions;
}

/** The grants and sessions that were ended. */
export interface Ended {
  readonly grants: Grant[];
  /** The places where sessions were cut whose grant was over. */
  readonly sessions: Place[];
}

/** Never throws for sessions of the past: trouble in finding or cutting them goes into the log. */
export async function endWithKeys(removal: KeyRemoval): Promise<Ended> {
  const { before, now, removed, grants, close } = removal;
  const isGone = lossOf(before, now, removed);
  const ended: Grant[] = [];
  for (const { id } of grantsCutOff(await grants(), isGone)) {
    const grant = await close(id);
    if (grant !== undefined) ended.push(grant);
  }
  return { grants: ended, sessions: await cutLeftovers(removal, isGone) };
}

async function cutLeftovers(removal: KeyRemoval, isGone: IsGone): Promise<Place[]> {
  const { cut = cutSessions } = removal;
  const places: Place[] = [];
  try {
    for (const { door, address, prefix, ports } of await leftoversOf(removal, isGone)) {
      const prefix6 = prefix.bits === 64 ? 64 : 128;
      if (cut(prefix.address, prefix6, ports) > 0) places.push({ door, address });
      // Each call searches all tracked flows of the machine: others get their turn in between.
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
  } catch (error) {
    log("warning", `Sessions of a removed key may live on: ${messageOf(error)}`);
  }
  return places;
}

async function leftoversOf(removal: KeyRemoval, isGone: IsGone): Promise<Leftover[]> {
  const { before, removed, settings, grants, flushAudit } = removal;
  const users = usersWithout(before, isGone, removed);
  // Mostly a key was added, and then no grant can be affected.
  if (users.length === 0) return [];
  flushAudit();
  using reader = new AuditReader(settings.server.stateDir);
  return findLeftovers({
    openers: reader.lastOpeners({ users }),
    isGone,
    doors: settings.doors,
    grants: await grants(),
    alwaysAllow: settings.guard.alwaysAllow,
  });
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
