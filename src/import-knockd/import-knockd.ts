/**
 * From the files of knockd to a config.toml and a remark on each line. Pure: it neither reads nor
 * runs anything.
 */

import { parseSettings } from "../config/load.ts";
import { settingsWarnings } from "../config/warnings.ts";
import { SallyportError } from "../core/errors.ts";
import { joinPorts, type PortRange } from "../core/port.ts";
import type { Draw } from "./better-sequence.ts";
import { convertDoor } from "./convert-door.ts";
import { doorName } from "./door-names.ts";
import type { Closer, DraftDoor } from "./draft.ts";
import { foldClosers, mergeDoors } from "./fold.ts";
import { interfacesOf } from "./interfaces.ts";
import { type Defaults, readDefaults } from "./read-defaults.ts";
import { type KnockdDoor, type KnockdFile, readKnockd } from "./read-file.ts";
import type { Line } from "./read-lines.ts";
import { withMaxGrants } from "./max-grants.ts";
import type { FindProgram } from "./run-argv.ts";
import { different, not, same, type Verdict, Verdicts } from "./verdicts.ts";
import { withBetterSequences } from "./weak-doors.ts";
import { type LeftOut, writeConfig } from "./write-config.ts";

export interface KnockdFiles {
  /** Its name, for messages. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** /etc/default/knockd or a similar file. */
  readonly defaults?: { readonly name: string; readonly text: string };
  /** Where the configuration will be, for messages. */
  readonly output: string;
}

export interface ImportParts {
  readonly find: FindProgram;
  readonly draw: Draw;
}

export interface ToldLine extends Verdict {
  readonly file: string;
  /** The text of the line: "[openSSH]", "seq_timeout". */
  readonly what: string;
}

export interface Imported {
  readonly toml: string;
  /** How many sections have a key of knockd, [options] among them; 0: it is not a knockd.conf. */
  readonly sections: number;
  readonly lines: readonly ToldLine[];
  /** Comment lines, which are not taken over. */
  readonly comments: number;
  /** Mistakes of the configuration that only a person can mend. */
  readonly toDecide: readonly string[];
  readonly warnings: readonly string[];
  /** Ports that the doors keep shut from now on. */
  readonly guarded: readonly PortRange[];
  /** Whether a door has a sequence of several knocks. */
  readonly sequences: boolean;
  /** Undefined: all interfaces, since none was named. */
  readonly interfaces: readonly string[] | undefined;
}

function tellOptions(file: KnockdFile, verdicts: Verdicts): void {
  const logs =
    'sallyport logs to its standard output, which the journal keeps; "sallyport log" is the audit log';
  for (const line of file.headers) verdicts.add(line, same(""));
  for (const line of file.useSyslog) verdicts.add(line, different(logs));
  for (const { line } of file.logFiles) verdicts.add(line, different(logs));
  for (const { line } of file.pidFiles) {
    verdicts.add(
      line,
      different("sallyport needs no pidfile: its lock and its socket are in /run/sallyport"),
    );
  }
  for (const line of file.allowDuplicates) verdicts.add(line, same("a doubled knock never harms"));
  for (const { line, by } of file.replaced)
    verdicts.add(line, same(`line ${by} sets it again and counts, as in knockd`));
  for (const { line, why } of file.faults)
    verdicts.add(line, not(`knockd does not start with this line: ${why}`));
}

/** Whether a section has any key that knockd knows: tables of another program's file have none. */
function isOfKnockd({ texts, sequence, flags }: KnockdDoor): boolean {
  return Object.keys(texts).length > 0 || sequence !== undefined || flags.lines.length > 0;
}

function whatOf(line: Line): string {
  if (line.kind === "section") return `[${line.name}]`;
  if (line.kind !== "setting") return "";
  return line.value === undefined ? line.text : line.written;
}

/** Reports the lines of a section that became no door and have no remark yet. */
function tellLeftOut(file: KnockdFile, leftOut: readonly LeftOut[], verdicts: Verdicts): void {
  const sections = file.lines.filter(({ kind }) => kind === "section").map(({ number }) => number);
  for (const { line, why } of leftOut) {
    verdicts.add(line, not(`no door: ${why}`));
    const next = [...sections, ...file.headers, ...file.doors.map((door) => door.line)].filter(
      (at) => at > line,
    );
    const end = Math.min(Infinity, ...next);
    for (const { kind, number } of file.lines) {
      if (kind === "setting" && number > line && number < end) {
        verdicts.leaveOut(number, not("left out with its section"));
      }
    }
  }
}

/** The mistakes that config.toml's own reader finds, one a line; and its warnings. */
function judge(toml: string, output: string): { toDecide: string[]; warnings: string[] } {
  try {
    return { toDecide: [], warnings: settingsWarnings(parseSettings(toml, output)) };
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    return { toDecide: error.message.split("\n").slice(1), warnings: [] };
  }
}

function toldLines(name: string, file: KnockdFile, verdicts: Verdicts): ToldLine[] {
  const first = new Map<number, Line>();
  for (const line of file.lines) if (!first.has(line.number)) first.set(line.number, line);
  return verdicts
    .list()
    .map((verdict) => ({ ...verdict, file: name, what: whatOf(first.get(verdict.line)!) }));
}

function toldDefaults(name: string, defaults: Defaults): ToldLine[] {
  return defaults.lines.map(({ line, name: what, remarks }) => {
    const verdicts = new Verdicts();
    verdicts.add(line, ...remarks);
    return { ...verdicts.list()[0]!, file: name, what };
  });
}

/** The same ports in as few ranges as there can be. */
function joinedRanges(ranges: readonly PortRange[]): PortRange[] {
  const ports = ranges.flatMap(({ proto, from, to }) =>
    Array.from({ length: to - from + 1 }, (_, i) => ({ proto, port: from + i })),
  );
  return joinPorts(ports);
}

export function importKnockd(files: KnockdFiles, { find, draw }: ImportParts): Imported {
  const file = readKnockd(files.bytes);
  const defaults = files.defaults && readDefaults(files.defaults.text);
  const verdicts = new Verdicts();
  tellOptions(file, verdicts);
  const interfaces = interfacesOf(file.interfaces, defaults?.interface);
  for (const { line, remark } of interfaces.remarks) verdicts.add(line, remark);

  const names = new Set<string>();
  const doors: DraftDoor[] = [];
  const closers: Closer[] = [];
  const leftOut: LeftOut[] = [];
  for (const section of file.doors) {
    const name = doorName(section.name, names);
    const converted = convertDoor(section, name, { verdicts, find });
    if (converted.kind === "door") {
      names.add(name);
      doors.push(converted.door);
    } else if (converted.kind === "closer") closers.push(converted.closer);
    else leftOut.push({ name: section.name, line: section.line, why: converted.why });
  }
  const folded = foldClosers(doors, closers, verdicts);
  leftOut.push(...folded.leftOut);
  const together = mergeDoors(folded.doors, verdicts);
  const whole = withMaxGrants(withBetterSequences(together, draw, verdicts), verdicts);
  tellLeftOut(file, leftOut, verdicts);
  const toml = writeConfig({
    file: files.name,
    interfaces: interfaces.names,
    doors: whole,
    leftOut,
  });
  return {
    toml,
    sections: file.headers.length + file.doors.filter(isOfKnockd).length,
    lines: [
      ...toldLines(files.name, file, verdicts),
      ...(files.defaults && defaults ? toldDefaults(files.defaults.name, defaults) : []),
    ],
    comments: file.lines.filter(({ kind }) => kind === "comment").length,
    ...judge(toml, files.output),
    guarded: joinedRanges(whole.flatMap(({ opens }) => opens)),
    sequences: whole.some(({ knocks = [] }) => knocks.length > 1),
    interfaces: interfaces.names,
  };
}
