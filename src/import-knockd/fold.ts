/**
 * A closing section becomes the close sequence of its door; sections that share a knock become one
 * door.
 */

import { formatDuration } from "../core/duration.ts";
import {
  commonRanges,
  distinctRanges,
  formatPort,
  formatPortRange,
  withoutRanges,
} from "../core/port.ts";
import type { Port, PortRange } from "../core/port.ts";
import type { Closer, DraftDoor } from "./draft.ts";
import { plainName } from "./door-names.ts";
import { different, not, same, type Verdicts } from "./verdicts.ts";
import type { LeftOut } from "./write-config.ts";

const list = (ports: readonly PortRange[]) => ports.map(formatPortRange).join(", ");

function sameKnocks(a: readonly Port[] | undefined, b: readonly Port[] | undefined): boolean {
  return (
    a !== undefined && b !== undefined && a.map(formatPort).join() === b.map(formatPort).join()
  );
}

/**
 * The doors that the section closes: where it does not tell, the one of its name, or the only one.
 */
function closedBy({ closes, section }: Closer, doors: readonly DraftDoor[]): DraftDoor[] {
  const openers = doors.filter(({ opens }) => opens.length > 0);
  if (closes !== "some")
    return openers.filter(({ opens }) => commonRanges(opens, closes).length > 0);
  const name = plainName(section.name);
  const named = openers.filter(({ sections }) => plainName(sections[0]!.name) === name);
  return named.length === 1 ? named : openers.length === 1 ? openers : [];
}

function close(door: DraftDoor, closer: Closer, verdicts: Verdicts): DraftDoor {
  const {
    section,
    closes,
    knocks,
    timeoutMs,
    timeoutLine,
    commandLine,
    sequenceLine,
    run,
    privileged,
  } = closer;
  const told = `close_sequence of [door.${door.name}]`;
  if (door.knocks === undefined) {
    verdicts.add(
      section.line,
      not(`[door.${door.name}] has users, and no close_sequence: it ends by its time`),
    );
    return door;
  }
  if (door.closeKnocks !== undefined) {
    verdicts.add(
      section.line,
      not(`[door.${door.name}] has a close_sequence already, and can have one alone`),
    );
    return door;
  }
  verdicts.add(section.line, same(told));
  verdicts.add(sequenceLine, same(told));
  verdicts.add(commandLine, same(told));
  if (closes !== "some") {
    const more = withoutRanges(door.opens, closes);
    if (more.length > 0)
      verdicts.add(commandLine, different(`it closes ${list(more)} of [door.${door.name}], too`));
  }
  const ours = door.timeoutMs;
  if (timeoutLine !== undefined && ours !== undefined && ours !== timeoutMs) {
    const text = `a door has one time for both of its sequences: "${formatDuration(ours)}"`;
    verdicts.add(timeoutLine, different(text));
  }
  const closeRun = door.run?.close ?? run;
  if (run !== undefined) {
    verdicts.add(
      commandLine,
      door.run?.close === undefined
        ? different("run.close: it also runs when the door's time is over")
        : not("what else it runs is left out: the door has a command for its end"),
    );
  }
  return {
    ...door,
    sections: [...door.sections, section],
    closeKnocks: knocks,
    ...(closeRun && {
      run: {
        ...door.run,
        close: closeRun,
        privileged: privileged || (door.run?.privileged ?? false),
      },
    }),
  };
}

/** Gives each closer to the doors that it closes. Returns those that close none. */
export function foldClosers(
  doors: readonly DraftDoor[],
  closers: readonly Closer[],
  verdicts: Verdicts,
): { readonly doors: DraftDoor[]; readonly leftOut: readonly LeftOut[] } {
  let folded = [...doors];
  const leftOut: LeftOut[] = [];
  for (const closer of closers) {
    const { section, closes } = closer;
    const meant = new Set(closedBy(closer, folded));
    if (meant.size === 0) {
      const what = closes === "some" ? "a rule that it does not name" : list(closes);
      leftOut.push({ ...section, why: `it closes ${what}, which no other section opens` });
    }
    folded = folded.map((door) => (meant.has(door) ? close(door, closer, verdicts) : door));
  }
  return { doors: folded, leftOut };
}

/** A door has one command and one close sequence. */
function canMerge(a: DraftDoor, b: DraftDoor): boolean {
  return (
    sameKnocks(a.knocks, b.knocks) &&
    (a.run === undefined || b.run === undefined) &&
    (a.closeKnocks === undefined ||
      b.closeKnocks === undefined ||
      sameKnocks(a.closeKnocks, b.closeKnocks))
  );
}

/** Its time is only how long its command is not run again. */
function onlyRuns({ opens, run }: DraftDoor): boolean {
  return opens.length === 0 && run?.close === undefined;
}

/** The door whose `open_for` both have from now on, reported at this line. */
function timeOfBoth(first: DraftDoor, door: DraftDoor, line: number, verdicts: Verdicts) {
  if (onlyRuns(first) || onlyRuns(door)) {
    const opener = onlyRuns(first) ? door : first;
    const time = formatDuration(opener.openForMs);
    const text = `the command runs when the door opens, and for the same address not again within "${time}"`;
    verdicts.add(line, different(text));
    return opener;
  }
  const shorter = first.openForMs <= door.openForMs ? first : door;
  if (first.openForMs !== door.openForMs) {
    const kept = formatDuration(shorter.openForMs);
    verdicts.add(line, different(`both stay open for the shorter time, "${kept}"`));
  }
  return shorter;
}

/** Reports at this line what a shared close sequence and a shared time for the knock change. */
function tellShared(first: DraftDoor, door: DraftDoor, line: number, verdicts: Verdicts): void {
  const [ours, theirs] = [first.closeKnocks, door.closeKnocks];
  const closesMore = (ours === undefined) !== (theirs === undefined);
  if (closesMore && !onlyRuns(ours === undefined ? first : door)) {
    verdicts.add(line, different("the close sequence of one closes both"));
  }
  const [a, b] = [first.timeoutMs, door.timeoutMs];
  if (a !== undefined && b !== undefined && a !== b) {
    const text = `both have the longer time for the knock, "${formatDuration(Math.max(a, b))}"`;
    verdicts.add(line, different(text));
  }
}

/** knockd runs every section with a knocked sequence; here two doors cannot share one. */
export function mergeDoors(doors: readonly DraftDoor[], verdicts: Verdicts): DraftDoor[] {
  const merged: DraftDoor[] = [];
  for (const door of doors) {
    const at = merged.findIndex((other) => canMerge(other, door));
    const first = merged[at];
    if (first === undefined) {
      merged.push(door);
      verdicts.add(door.sections[0]!.line, same(`[door.${door.name}]`));
      continue;
    }
    const { line } = door.sections[0]!;
    verdicts.add(line, same(`it has the sequence of [door.${first.name}], and is a part of it`));
    const { openForMs, openForComment } = timeOfBoth(first, door, line, verdicts);
    tellShared(first, door, line, verdicts);
    const closeKnocks = first.closeKnocks ?? door.closeKnocks;
    const run = first.run ?? door.run;
    const { openForComment: _, ...rest } = first;
    merged[at] = {
      ...rest,
      sections: [...first.sections, ...door.sections],
      opens: distinctRanges([...first.opens, ...door.opens]),
      ...(first.timeoutMs !== undefined &&
        door.timeoutMs !== undefined && { timeoutMs: Math.max(first.timeoutMs, door.timeoutMs) }),
      ...(closeKnocks && { closeKnocks }),
      openForMs,
      ...(openForComment !== undefined && { openForComment }),
      ...(run && { run }),
    };
  }
  return merged;
}
