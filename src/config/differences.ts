/** The effect of a new configuration on people, compared with the running one. Pure. */

import { formatAddress, formatPrefix, isWithin, type Prefix } from "../core/address.ts";
import type { Caller } from "../core/caller.ts";
import { namesInSentence } from "../core/names-in-sentence.ts";
import {
  distinctRanges,
  formatPortRange,
  type PortRange,
  rangesOverlap,
  withoutRanges,
} from "../core/port.ts";
import { KeyTable, type NamedKey } from "../rks/key-table.ts";
import { type CutOff, CutOffFinder, type Device, type Terms } from "./cut-offs.ts";
import { formatEndpoint } from "./fields.ts";
import { admits, whoOf } from "./names.ts";
import type { Door, Settings } from "./settings.ts";

export type { CutOff, Terms } from "./cut-offs.ts";

/** Ports that everybody reaches now, and that a door will guard. */
interface NewlyGuarded {
  readonly door: string;
  readonly ports: readonly PortRange[];
  /**
   * Somebody has a key for the door, or may know its sequence. Otherwise no door opens these ports
   * to anybody.
   */
  readonly openable: boolean;
}

export interface Differences {
  readonly cutOff: readonly CutOff[];
  /** Doors that lose everybody who can open them now. */
  readonly shut: readonly string[];
  readonly guarded: readonly NewlyGuarded[];
  /** Ports that everybody will reach. */
  readonly unguarded: readonly PortRange[];
  /** Networks that need no knock now, but will need one. */
  readonly barred: readonly Prefix[];
  /** Interfaces on which knocks will no longer be heard. */
  readonly deaf: readonly string[];
}

/** The terms with the keys of a list. */
export function termsOf(settings: Settings, keys: readonly NamedKey[]): Terms {
  return { settings, keys: KeyTable.from(keys) };
}

const portsOf = (doors: readonly Door[]) => distinctRanges(doors.flatMap(({ opens }) => opens));
const guardedBy = ({ doors }: Settings) => portsOf(doors);

export function differencesOf(before: Terms, after: Terms): Differences {
  const finder = new CutOffFinder(before, after);
  const found = before.settings.doors.map((door) => ({ door, ...finder.find(door) }));
  const [was, is] = [guardedBy(before.settings), guardedBy(after.settings)];
  const openable = new Set(after.settings.doors.filter((door) => isOpenable(door, after)));
  const opened = portsOf([...openable]);
  const allowed = new Set(after.settings.guard.alwaysAllow.map(formatPrefix));
  return {
    cutOff: found.flatMap(({ cutOff }) => cutOff),
    shut: found.flatMap(({ door, everybody }) => (everybody ? door.name : [])),
    guarded: after.settings.doors.flatMap((door) => {
      const isOpen = openable.has(door);
      const ports = withoutRanges(door.opens, isOpen ? was : [...was, ...opened]);
      return ports.length === 0 ? [] : { door: door.name, ports, openable: isOpen };
    }),
    unguarded: withoutRanges(was, is),
    barred: before.settings.guard.alwaysAllow.filter((one) => !allowed.has(formatPrefix(one))),
    deaf: deafened(before.settings.server.interfaces, after.settings.server.interfaces),
  };
}

function deafened(before: readonly string[], after: readonly string[]): string[] {
  return after.includes("any") ? [] : before.filter((name) => !after.includes(name));
}

function isOpenable({ fixed, users }: Door, { keys }: Terms): boolean {
  if (fixed !== undefined) return true;
  for (const user of keys.users()) if (admits(users, user)) return true;
  return false;
}

const ports = (ranges: readonly PortRange[]) => namesInSentence(ranges.map(formatPortRange));

/** One sentence each, without full stops; the gravest first. */
export function describeDifferences(differences: Differences): string[] {
  const { cutOff, shut, guarded, unguarded, barred, deaf } = differences;
  return [
    ...cutOff.map((one) => describeCutOff(one, shut.includes(one.door))),
    ...guarded.map(
      ({ door, ports: opened, openable }) =>
        `${ports(opened)} ${openable ? `will need a knock at ${door}` : `will be shut: nobody has a key for ${door}: give one with "sallyport user add"`}`,
    ),
    ...barred.map((network) => `${formatPrefix(network)} will need a knock`),
    ...deaf.map((name) =>
      name === "any"
        ? "Knocks will not be heard on every interface any more"
        : `Knocks on ${name} will not be heard any more`,
    ),
    ...(unguarded.length === 0
      ? []
      : [`${ports(unguarded)} will not be guarded any more: everybody reaches it`]),
  ];
}

function describeCutOff({ door, who, ports: lost, why }: CutOff, everybody: boolean): string {
  const people =
    who.length === 0
      ? "Anybody who knows its sequence"
      : namesInSentence(who.map(({ user, device }) => whoOf(user, device)));
  const what = lost.length === 0 ? door : `${door} (${ports(lost)})`;
  const all = everybody && who.length > 0 ? "; that is everybody who can now" : "";
  return `${people} will not be able to open ${what}${all}: ${why}`;
}

/** The last opener of a door to the caller's address. */
export interface Opener extends Device {
  readonly door: string;
}

/**
 * Why the new configuration needs a yes first, as a clause: a door would open for nobody any more,
 * or the caller could lose the way in. Undefined where neither can happen.
 */
export function dangerOf(
  differences: Differences,
  after: Settings,
  caller?: Caller,
  openers: readonly Opener[] = [],
): string | undefined {
  const { shut, guarded, deaf } = differences;
  if (shut.length > 0) return `everybody who can open ${namesInSentence(shut)} now would lose it`;
  const locked = guarded.filter(({ openable }) => !openable);
  if (locked.length > 0) {
    return `nobody could reach ${ports(distinctRanges(locked.flatMap((one) => one.ports)))} any more`;
  }
  if (deaf.length > 0) return "knocks that are heard now would not be heard any more";
  return caller === undefined ? undefined : dangerTo(caller, differences, after, openers);
}

function dangerTo(
  { address, port }: Caller,
  { cutOff, guarded, barred }: Differences,
  after: Settings,
  openers: readonly Opener[],
): string | undefined {
  const from = `you are connected from ${formatAddress(address)}`;
  if (after.guard.alwaysAllow.some((network) => isWithin(address, network))) return undefined;
  if (barred.some((network) => isWithin(address, network)))
    return `${from}, which would need a knock`;
  const own = port === undefined ? undefined : ({ proto: "tcp", from: port, to: port } as const);
  const covers = (ranges: readonly PortRange[]) =>
    own !== undefined && ranges.some((range) => rangesOverlap(range, own));
  if (covers(guarded.flatMap((one) => one.ports)))
    return `${from} to ${port}/tcp, which would need a knock`;
  if (cutOff.length === 0 || (own !== undefined && !covers(guardedBy(after)))) return undefined;
  const lost = openers.find((opener) => cutOff.some((one) => isOf(one, opener)));
  if (lost !== undefined) {
    return `${from}, which ${whoOf(lost.user, lost.device)} opened ${lost.door} to`;
  }
  return openers.length > 0
    ? undefined
    : `${from}, and may be one of those who could not come in again`;
}

function isOf({ door, who }: CutOff, opener: Opener): boolean {
  return (
    door === opener.door &&
    who.some(({ user, device }) => user === opener.user && device === opener.device)
  );
}

/**
 * The changed settings that take effect only at a start, as a clause; undefined where there are
 * none.
 */
export function needsStart(before: Settings, after: Settings): string | undefined {
  const changed: [name: string, was: string, is: string][] = [
    ["server.state_dir", before.server.stateDir, after.server.stateDir],
    ["api.listen", formatEndpoint(before.api.listen), formatEndpoint(after.api.listen)],
    ["api.socket", before.api.socket, after.api.socket],
  ];
  const told = changed.flatMap(([name, was, is]) =>
    was === is ? [] : `${name} ${was} becomes ${is}`,
  );
  return told.length === 0 ? undefined : told.join(", ");
}
