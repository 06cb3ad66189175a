/** From a section of knockd.conf to a door, or to a knock that closes one. */

import type { Port } from "../core/port.ts";
import { actionsOf, type DoorActions } from "./commands-of.ts";
import type { Converted } from "./draft.ts";
import { flagsDifference } from "./flags.ts";
import { atoi } from "./numbers.ts";
import type { KnockdDoor, Setting } from "./read-file.ts";
import type { FindProgram } from "./run-argv.ts";
import { KNOCKD_SEQUENCE_MS, openForMs, openTime, sequenceTime } from "./times.ts";
import { different, not, same, type Verdicts } from "./verdicts.ts";

export interface ConvertParts {
  readonly verdicts: Verdicts;
  readonly find: FindProgram;
}

/** How long a door stays open where knockd left it open until a closing knock, or for ever. */
const UNTIL_CLOSED_MS = 8 * 3_600_000;
/** A command that knockd ran at every knock: the shortest time that a door can have. */
const EVERY_KNOCK_MS = 1_000;

/** The user who gets a key in place of a file of sequences. */
const KEY_USER = "me";

interface Knocked {
  readonly knocks?: readonly Port[];
  readonly users?: readonly string[];
  readonly line: number;
}

/** The knock of the door; undefined where nobody can knock at it, with the reason reported. */
function knockedBy(door: KnockdDoor, { verdicts }: ConvertParts): Knocked | string {
  const { sequence, texts } = door;
  const { ONE_TIME_SEQUENCES: file, OTP: otp } = texts;
  const changing = file ?? otp;
  if (changing !== undefined) {
    const place = `users = ["${KEY_USER}"] in its place: a knock that is another every 30 seconds and counts once; "sallyport user add ${KEY_USER}" makes the key`;
    if (file !== undefined) verdicts.add(file.line, different(`${place}; the file is not read`));
    if (otp !== undefined) verdicts.add(otp.line, different(place));
    if (sequence !== undefined) {
      verdicts.add(
        sequence.line,
        different("the file of one-time sequences counts, as in knockd after the first knock"),
      );
    }
    return { users: [KEY_USER], line: changing.line };
  }
  if (sequence === undefined) {
    const meant = door.name.trim().toLowerCase() === "options";
    return meant
      ? "knockd takes it for a door, and knows [options] in small letters alone"
      : "it has no sequence, and knockd does not start with it";
  }
  const { line, value } = sequence;
  if (value.kind !== "read") {
    // A value that knockd refuses is reported as a fault.
    if (value.kind === "dead")
      verdicts.add(line, not(`${value.why}, so that nobody could ever knock it`));
    return `its sequence cannot be knocked: ${value.why}`;
  }
  verdicts.add(line, same(""));
  for (const { remark } of value.entries) {
    if (remark !== undefined) verdicts.add(line, different(remark));
  }
  return { knocks: value.entries.map(({ knock }) => knock), line };
}

function tellFlags({ flags }: KnockdDoor, verdicts: Verdicts): void {
  const difference = flagsDifference(flags.value);
  for (const line of flags.lines) {
    verdicts.add(
      line,
      difference === undefined
        ? same("sallyport counts connection attempts alone")
        : different(difference),
    );
  }
}

function tellTarget({ texts: { TARGET: target } }: KnockdDoor, verdicts: Verdicts): void {
  if (target === undefined) return;
  verdicts.add(
    target.line,
    different(
      "a knock counts at every address of this machine, and at no other: for a host behind it, sallyport would run there",
    ),
  );
}

function tellCooldown(cooldown: Setting | undefined, runsOnly: boolean, verdicts: Verdicts): void {
  if (cooldown === undefined) return;
  verdicts.add(
    cooldown.line,
    runsOnly
      ? different(
          "open_for: its command is not run again that long for the same address; for others it is",
        )
      : different("left out: a knock while the door is open renews it"),
  );
}

interface Times {
  readonly openForMs: number;
  readonly openForComment?: string;
}

function timesOf(door: KnockdDoor, actions: DoorActions, { verdicts }: ConvertParts): Times {
  const { CMD_TIMEOUT: given, SEQ_COOLDOWN: cooldown } = door.texts;
  const runsOnly = actions.opens.length === 0;
  tellCooldown(cooldown, runsOnly && !actions.stops, verdicts);
  if (actions.stops) {
    const { ms, remarks } = openTime(given);
    if (given !== undefined) verdicts.add(given.line, ...remarks);
    return {
      openForMs: openForMs(ms),
      ...(given === undefined && { openForComment: "knockd's own time" }),
    };
  }
  if (given !== undefined)
    verdicts.add(given.line, same("it has no effect in knockd, either, without a stop command"));
  if (actions.forMs !== undefined) {
    return {
      openForMs: openForMs(actions.forMs),
      openForComment: "the pause that the command itself made",
    };
  }
  if (runsOnly) {
    const ms = Math.max(EVERY_KNOCK_MS, atoi(cooldown?.value ?? "").value * 1_000);
    if (cooldown === undefined) {
      verdicts.add(actions.line, different("it runs at most once a second for one address"));
    }
    return {
      openForMs: openForMs(ms),
      openForComment: "so long it is not run again for the same address",
    };
  }
  verdicts.add(
    actions.line,
    different(
      'knockd left it open until somebody closed it: open_for = "8h" ends it, and connections that exist live on',
    ),
  );
  return {
    openForMs: UNTIL_CLOSED_MS,
    openForComment: "knockd left it open until somebody closed it",
  };
}

/** Converts one section; `name` is the door's, if it becomes one. */
export function convertDoor(door: KnockdDoor, name: string, parts: ConvertParts): Converted {
  const { verdicts } = parts;
  const section = { name: door.name, line: door.line };
  tellFlags(door, verdicts);
  tellTarget(door, verdicts);
  const { SEQ_TIMEOUT: timeout } = door.texts;
  const knocked = knockedBy(door, parts);
  const actions = actionsOf(door, parts.find, verdicts);
  if (typeof knocked === "string") return { kind: "nothing", why: knocked };
  const several = (knocked.knocks?.length ?? 0) > 1;
  const time = sequenceTime(timeout);
  if (timeout !== undefined) {
    const unused =
      knocked.users === undefined
        ? "one knock has no time"
        : "rotating knocks have their own window";
    verdicts.add(timeout.line, ...(several ? time.remarks : [same(`left out: ${unused}`)]));
  }
  if (typeof actions === "string") return { kind: "nothing", why: actions };
  if (actions.closes !== undefined && knocked.knocks !== undefined) {
    const { closes, run, line: commandLine } = actions;
    const { CMD_TIMEOUT: after, SEQ_COOLDOWN: cooldown } = door.texts;
    tellCooldown(cooldown, false, verdicts);
    if (after !== undefined) {
      const idle = "it has no effect in knockd, either, without a stop command";
      verdicts.add(
        after.line,
        actions.stops ? not("a close knock ends the door for good") : same(idle),
      );
    }
    return {
      kind: "closer",
      closer: {
        section,
        commandLine,
        sequenceLine: knocked.line,
        knocks: knocked.knocks,
        timeoutMs: several ? time.ms : KNOCKD_SEQUENCE_MS,
        timeoutLine: timeout?.line,
        closes,
        ...(run?.open && { run: run.open }),
        privileged: run?.privileged ?? false,
      },
    };
  }
  if (actions.opens.length === 0 && actions.run === undefined) {
    const closes =
      actions.closes === undefined
        ? undefined
        : "a door that users open ends by its time, and has no close knock";
    return { kind: "nothing", why: closes ?? "it runs nothing that a door could do" };
  }
  const times = timesOf(door, actions, parts);
  return {
    kind: "door",
    door: {
      name,
      sections: [section],
      opens: actions.opens,
      ...(knocked.knocks && { knocks: knocked.knocks }),
      ...(knocked.users && { users: knocked.users }),
      sequenceLine: knocked.line,
      ...(several && { timeoutMs: time.ms }),
      ...times,
      ...(actions.run && { run: actions.run }),
    },
  };
}
