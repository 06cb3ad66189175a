/** Cuts the sessions that outlived their grants: of an address, of a holder, or of a removed key. */

import type { CutPlace, SessionsCut, SessionsOf } from "../api/control.ts";
import { isWithin, networksOverlap, parsePrefix } from "../core/address.ts";
import type { Caller } from "../core/caller.ts";
import type { Settings } from "../config/settings.ts";
import { addressTexts, type Grant } from "../core/grant.ts";
import { includesTcp } from "../core/port.ts";
import { cutSessions } from "../firewall/cut-sessions.ts";
import { AuditReader, type LastOpening, type OpeningsOf } from "../store/audit-query.ts";
import { findLeftovers, type Leftover } from "./leftover-sessions.ts";

/**
 * The most places to search at a time, the newest first; each search reads all tracked flows.
 * Forged knocks of a fixed sequence can make any number of them.
 */
const MOST_PLACES = 64;

export interface LeftoverSurroundings {
  readonly settings: Settings;
  readonly grants: () => Promise<readonly Grant[]>;
  /** Writes the waiting entries of the audit log. */
  readonly flushAudit: () => void;
  /** Hears of each place where sessions were cut, at once. */
  readonly cutAt?: ((place: CutPlace) => void) | undefined;
  /** Default: ends those of this machine. */
  readonly cut?: typeof cutSessions;
}

/** Which openings are meant; the lists narrow what is read, since a log has hundreds of thousands. */
export interface Meant extends OpeningsOf {
  readonly isMeant: (opening: LastOpening) => boolean;
  /** Sessions of this person are left: others may be behind an address that the one who is meant opened last. */
  readonly spare?: Caller | undefined;
}

/** The openings that let in these sessions. */
export function openingsOf(of: SessionsOf): Meant {
  if ("user" in of) {
    const isMeant = ({ user, device }: LastOpening) =>
      user === of.user && (of.device === undefined || device === of.device);
    return { isMeant, users: [of.user], spare: of.from };
  }
  const isMeant = ({ door, address }: LastOpening) => {
    const prefix = parsePrefix(address);
    return (
      prefix !== undefined &&
      networksOverlap(prefix, of.network) &&
      (of.door === undefined || door === of.door)
    );
  };
  const { address, bits } = of.network;
  if (bits !== (address.family === 4 ? 32 : 128)) return { isMeant };
  return { isMeant, addresses: addressTexts(address) };
}

/**
 * Cuts the sessions that only an opening let in that is meant and over. Throws SallyportError where
 * the audit log cannot be read, or the kernel refuses.
 */
export async function cutLeftovers(
  around: LeftoverSurroundings,
  meant: Meant,
): Promise<SessionsCut> {
  const { cut = cutSessions, cutAt } = around;
  const all = await leftoversOf(around, meant);
  const spared = all.filter((place) => isFrom(place, meant.spare));
  const places = all.filter((place) => !spared.includes(place));
  const done: CutPlace[] = [];
  for (const { door, address, prefix, ports } of places.slice(0, MOST_PLACES)) {
    const prefix6 = prefix.bits === 64 ? 64 : 128;
    const sessions = cut(prefix.address, prefix6, ports);
    if (sessions > 0) {
      const place = { door, address, sessions };
      done.push(place);
      cutAt?.(place);
    }
    // Each call searches all tracked flows of the machine: others get their turn in between.
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  return {
    cut: done,
    unsearched: Math.max(0, places.length - MOST_PLACES),
    spared: spared.map(({ door, address }) => ({ door, address })),
  };
}

/** Whether the caller's own session may end there. */
function isFrom({ prefix, ports }: Leftover, caller: Caller | undefined): boolean {
  if (caller === undefined || !isWithin(caller.address, prefix)) return false;
  const { port } = caller;
  return port === undefined || includesTcp(ports, port);
}

async function leftoversOf(
  { settings, grants, flushAudit }: LeftoverSurroundings,
  { isMeant, users, addresses }: Meant,
): Promise<Leftover[]> {
  flushAudit();
  using reader = new AuditReader(settings.server.stateDir);
  const of = { ...(users && { users }), ...(addresses && { addresses }) };
  return findLeftovers({
    openings: reader.lastOpenings(of),
    isMeant,
    doors: settings.doors,
    grants: await grants(),
    alwaysAllow: settings.guard.alwaysAllow,
  });
}
