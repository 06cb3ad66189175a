/**
 * Warnings about settings that are allowed but may not be meant: one sentence each, without full
 * stops.
 */

import { formatPrefix, isLoopbackHost } from "../core/address.ts";
import type { Prefix } from "../core/address.ts";
import { formatDuration } from "../core/duration.ts";
import { guessChance } from "../core/fixed-sequence.ts";
import { formatPort, formatPortRange, rangesOverlap } from "../core/port.ts";
import { formatChance } from "./chance.ts";
import { formatEndpoint } from "./fields.ts";
import { isPrivate } from "./networks.ts";
import type { Door, Settings } from "./settings.ts";
import { isTrigger, weaknessOf } from "./weakness.ts";

const DAY_MS = 86_400_000;

/** A random scan of a fixed sequence's ports should not open it more often than this. */
const GUESS_LIMIT = 1e-6;

const WEAK_ADVICE =
  "anybody who scans this server opens it; take ports in another order, with others between them, or users";

function doorWarnings(door: Door): string[] {
  const warnings: string[] = [];
  const warn = (key: string, text: string) => warnings.push(`door.${door.name}.${key} ${text}`);
  if (door.fixed !== undefined && isTrigger(door)) {
    const knock = formatPort(door.fixed.knocks[0]!);
    warn(
      "sequence",
      `is one knock and no secret: anybody who connects to ${knock}, or scans it, runs its command`,
    );
  } else if (door.weak === true) {
    warn("sequence", `is ${weaknessOf(door)}, and weak = true allows it: ${WEAK_ADVICE}`);
  } else if (door.fixed !== undefined && guessChance(door.fixed) > GUESS_LIMIT) {
    const chance = formatChance(guessChance(door.fixed));
    warn(
      "sequence",
      `is opened by one scan in random order with a chance of ${chance}: add knocks`,
    );
  }
  if (door.closing?.knocks.length === 1) {
    warn("close_sequence", "is one knock: a scan, or one forged packet, ends what the door opened");
  }
  if (door.fixed !== undefined && door.opens.length > 0 && door.openForMs > DAY_MS) {
    warn(
      "open_for",
      `is ${formatDuration(door.openForMs)}, and anybody who saw the knock once can repeat it: shorten it`,
    );
  } else if (door.opens.length > 0 && door.openForMs > DAY_MS) {
    warn(
      "open_for",
      `is ${formatDuration(door.openForMs)}: living connections need no grant, so "30s" does`,
    );
  }
  if (door.prefix6 === 64) warn("prefix6", "is 64: a knock lets in a whole IPv6 network");
  return warnings;
}

/** Doors that open the same port: closing one does not close the port. */
function sharingWarnings(doors: readonly Door[]): string[] {
  return doors.flatMap(({ name, opens }, i) => {
    const earlier = doors.slice(0, i);
    return opens.flatMap((opened) => {
      const others = earlier.filter((other) =>
        other.opens.some((range) => rangesOverlap(range, opened)),
      );
      if (others.length === 0) return [];
      const named = others.map((other) => `door.${other.name}`).join(" and ");
      return [
        `door.${name}.opens holds ${formatPortRange(opened)}, which ${named} ${others.length === 1 ? "opens" : "open"} too: the port stays open to an address until its last grant has ended`,
      ];
    });
  });
}

/** Ports that are both guarded and knocked on, each reported once. */
function rangeWarnings(doors: readonly Door[]): string[] {
  const rotating = doors.filter(({ users }) => users.length > 0);
  return doors.flatMap(({ name, opens }) =>
    opens.flatMap((opened) => {
      const knocked = rotating.find(({ space: { proto, lo, hi } }) =>
        rangesOverlap(opened, { proto, from: lo, to: hi }),
      );
      if (knocked === undefined) return [];
      const { lo, hi } = knocked.space;
      return [
        `door.${name}.opens holds ${formatPortRange(opened)} inside ${lo}-${hi}, where door.${knocked.name} is knocked: a connection to it counts as a wrong knock`,
      ];
    }),
  );
}

/** A network this wide or wider holds strangers, unless it is private. */
const WIDE = { 4: 16, 6: 32 } as const;

function allowWarning(prefix: Prefix): string[] {
  if (isPrivate(prefix) || prefix.bits >= WIDE[prefix.address.family]) return [];
  return [
    `guard.always_allow holds ${formatPrefix(prefix)}: everybody there reaches every guarded port without a knock`,
  ];
}

/** Warnings about the content of the file. */
export function settingsWarnings(settings: Settings): string[] {
  const { doors, guard, api, formerNames = [] } = settings;
  const warnings = [
    ...formerNames,
    ...doors.flatMap(doorWarnings),
    ...rangeWarnings(doors),
    ...sharingWarnings(doors),
  ];
  warnings.push(...guard.alwaysAllow.flatMap(allowWarning));
  if (doors.some(({ users, space }) => users.length > 0 && space.skew === 0)) {
    warnings.push(
      "knock.skew is 0: a knock fails when a clock is off by a second at the turn of a slot",
    );
  }
  if (!isLoopbackHost(api.listen.host)) {
    warnings.push(
      `api.listen is "${formatEndpoint(api.listen)}": others can read health and metrics, which show that sallyport runs here`,
    );
  }
  return warnings;
}

/** A screenful; "sallyport check" has all of them. */
const MOST_WARNINGS = 20;

/** The first of them, and how many there are. */
export function firstWarnings(all: readonly string[]): string[] {
  const rest = all.length - MOST_WARNINGS;
  const more = rest > 0 ? [`${rest} more warnings: see "sallyport check"`] : [];
  return [...all.slice(0, MOST_WARNINGS), ...more];
}
