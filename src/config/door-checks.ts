/** Rules within one door: one way in, and no key without a meaning there. */

import { formatPortRange, rangesOverlap } from "../core/port.ts";
import { isDoorName } from "../rks/key.ts";
import type { Mistake, Path } from "./mistake.ts";
import { quote } from "./mistake.ts";
import { EVERYBODY, looksSecret } from "./names.ts";
import { type DoorKind, type DoorTable, keysOf } from "./door-keys.ts";
import { LIMITS } from "./schema.ts";

type Report = (mistake: Mistake) => void;
type Keys = ReadonlySet<string>;

/** Whether the name is valid. A name that may be a key is not: names go into every log. */
export function checkDoorName(name: string, report: Report): boolean {
  if (isDoorName(name) && !looksSecret(name)) return true;
  report({
    path: ["door", name],
    state: `is named ${quote(name)}`,
    remedy: "write a name of a–z, 0–9 and hyphens, at most 63 characters",
  });
  return false;
}

function checkWayIn(door: DoorTable, path: Path, report: Report): void {
  if (door.users.length > 0 && door.sequence !== undefined) {
    report({
      path: [...path, "sequence"],
      state: "stands next to users, and a door has one way in",
      remedy: "take one of them out, or write a second door",
    });
  }
  if (door.users.length === 0 && door.sequence === undefined) {
    report({
      path,
      state: "has neither users nor a sequence, so nobody could open it",
      remedy: 'write users = ["alice"] (rotating knocks) or sequence = ["7000", "8000", "9000"]',
    });
  }
}

function checkPurpose(door: DoorTable, path: Path, report: Report): void {
  if (door.opens.length === 0 && door.run === undefined) {
    report({
      path,
      state: "opens no port and runs no command",
      remedy: 'write opens = ["22/tcp"], or run = { open = ["/path/to/program"] }',
    });
  }
}

/** `written`: the keys in the file. */
function checkMeaning(door: DoorTable, path: Path, report: Report, written: Keys): void {
  const refuse = (kind: DoorKind, state: string) => {
    for (const key of keysOf(kind)) {
      if (written.has(key)) report({ path: [...path, key], state, remedy: "take it out" });
    }
  };
  const rotating = door.users.length > 0;
  if (!rotating && door.sequence !== undefined) {
    refuse("rotating", "is for doors with users, and this one has a sequence");
  }
  if (rotating && door.sequence === undefined) {
    refuse("fixed", "is for doors with a sequence, and this one has users");
  }
  if (door.opens.length === 0 && door.run !== undefined) {
    refuse("ports", "is about ports, and this door opens none");
  }
}

function checkTimes(door: DoorTable, path: Path, report: Report): void {
  if (door.max_open === undefined) return;
  if (door.idle_close === undefined) {
    report({
      path: [...path, "max_open"],
      state: "is the cap of idle_close, which is missing",
      remedy: 'write idle_close = "10m", or take max_open out',
    });
  } else if (door.max_open < Math.max(door.open_for, door.idle_close)) {
    report({
      path: [...path, "max_open"],
      state: "is shorter than open_for or idle_close",
      remedy: "write the longest time the door may stay open",
    });
  }
}

function checkOneUse(door: DoorTable, path: Path, report: Report): void {
  if (door.uses !== "one") return;
  const refuse = (key: keyof DoorTable, state: string, remedy: string) =>
    report({ path: [...path, key], state, remedy });
  if (door.idle_close !== undefined) {
    refuse(
      "idle_close",
      'stands next to uses = "one", whose grant ends with its first connection',
      "take one of them out",
    );
  }
  if (door.prefix6 === 64) {
    refuse(
      "prefix6",
      'is 64 next to uses = "one", which lets in one connection of one address',
      "take one of them out",
    );
  }
  if (door.opens.some(({ proto }) => proto === "udp")) {
    refuse(
      "uses",
      'is "one", which counts connections, and UDP has none',
      'take it out, or open "/tcp" ports only',
    );
  }
}

function checkPorts(door: DoorTable, path: Path, report: Report): void {
  const count = door.opens.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  if (count > LIMITS.portsPerDoor) {
    report({
      path: [...path, "opens"],
      state: `has ${count} ports, and every grant holds each of them`,
      remedy: `write at most ${LIMITS.portsPerDoor}, or split the door`,
    });
  }
  for (const [i, range] of door.opens.entries()) {
    const before = door.opens.slice(0, i).find((other) => rangesOverlap(other, range));
    if (before === undefined) continue;
    report({
      path: [...path, "opens", i],
      state: `is "${formatPortRange(range)}", part of "${formatPortRange(before)}" before it`,
      remedy: "write every port once",
    });
  }
}

function checkUsers(door: DoorTable, path: Path, report: Report): void {
  const seen = new Set<string>();
  for (const [i, user] of door.users.entries()) {
    if (seen.has(user)) {
      report({
        path: [...path, "users", i],
        state: `is "${user}" again`,
        remedy: "write every user once",
      });
    } else if (user === EVERYBODY && door.users.length > 1) {
      report({
        path: [...path, "users", i],
        state: `is "${EVERYBODY}" among others, and stands for everybody who has a key`,
        remedy: `write ["${EVERYBODY}"] alone, or without it`,
      });
    }
    seen.add(user);
  }
}

type Check = (door: DoorTable, path: Path, report: Report, written: Keys) => void;

/** Every check, with the keys it reads. */
const CHECKS: readonly (readonly [Check, readonly (keyof DoorTable)[]])[] = [
  [checkWayIn, ["users", "sequence"]],
  [checkPurpose, ["opens", "run"]],
  [checkMeaning, ["users", "sequence", "opens", "run"]],
  [checkTimes, ["open_for", "idle_close", "max_open"]],
  [checkOneUse, ["uses", "opens"]],
  [checkPorts, ["opens"]],
  [checkUsers, ["users"]],
];

/**
 * Checks a door; `written` are its keys in the file. `unread` names the keys with wrong values,
 * which are missing from `door`: a check that depends on them is skipped.
 */
export function checkDoor(
  name: string,
  door: DoorTable,
  { written, unread }: { readonly written: Keys; readonly unread: Keys },
  report: Report,
): void {
  for (const [check, keys] of CHECKS) {
    if (!keys.some((key) => unread.has(key))) check(door, ["door", name], report, written);
  }
}
