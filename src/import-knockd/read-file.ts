/** A knockd.conf as knockd reads it: options, doors with their settings, and the lines at which it would not start. */

import { quote } from "../config/mistake.ts";
import { type Flags, readFlags } from "./flags.ts";
import { readSequence, type Sequence } from "./numbers.ts";
import { type Line, readLines } from "./read-lines.ts";

/** A value and its line. */
export interface Setting<Value = string> {
  readonly line: number;
  readonly value: Value;
}

/** A line at which knockd ends with an error, and why. */
export interface Fault {
  readonly line: number;
  readonly why: string;
}

const ALIASES: Readonly<Record<string, string>> = {
  TIMEOUT: "SEQ_TIMEOUT",
  COMMAND: "START_COMMAND",
  COMMAND_6: "START_COMMAND_6",
  COOLDOWN: "SEQ_COOLDOWN",
};

/** Keys of a door that are one text. */
const TEXTS = [
  "TARGET",
  "ONE_TIME_SEQUENCES",
  "SEQ_TIMEOUT",
  "START_COMMAND",
  "START_COMMAND_6",
  "CMD_TIMEOUT",
  "STOP_COMMAND",
  "STOP_COMMAND_6",
  // Keys of knockd variants, which many containers and routers bring.
  "SEQ_COOLDOWN",
  "OTP",
] as const;
export type TextKey = (typeof TEXTS)[number];

export interface KnockdDoor {
  readonly name: string;
  readonly line: number;
  /** Each key's last value, which takes effect. */
  readonly texts: Readonly<Partial<Record<TextKey, Setting>>>;
  readonly sequence?: Setting<Sequence>;
  /** All of them together, with the line of each. */
  readonly flags: { readonly value: Flags; readonly lines: readonly number[] };
}

export interface KnockdFile {
  readonly lines: readonly Line[];
  readonly doors: readonly KnockdDoor[];
  /** Lines of `[options]` headers. */
  readonly headers: readonly number[];
  readonly logFiles: readonly Setting[];
  readonly pidFiles: readonly Setting[];
  /** The first one counts. */
  readonly interfaces: readonly Setting[];
  /** Lines that request syslog, and lines that allow duplicates. */
  readonly useSyslog: readonly number[];
  readonly allowDuplicates: readonly number[];
  /** Values that a later line replaces. */
  readonly replaced: readonly { readonly line: number; readonly by: number }[];
  readonly faults: readonly Fault[];
}

interface DraftDoor {
  readonly name: string;
  readonly line: number;
  texts: Partial<Record<TextKey, Setting>>;
  sequence?: Setting<Sequence>;
  flags: { value: Flags; lines: number[] };
}

const isText = (key: string): key is TextKey => (TEXTS as readonly string[]).includes(key);

/** Reads a file. */
export function readKnockd(bytes: Uint8Array): KnockdFile {
  const lines = readLines(bytes);
  const file = {
    lines,
    doors: [] as DraftDoor[],
    headers: [] as number[],
    logFiles: [] as Setting[],
    pidFiles: [] as Setting[],
    interfaces: [] as Setting[],
    useSyslog: [] as number[],
    allowDuplicates: [] as number[],
    replaced: [] as { line: number; by: number }[],
    faults: [] as Fault[],
  };
  const refuse = (line: number, why: string) => file.faults.push({ line, why });

  const begin = (number: number, name: string): "options" | DraftDoor => {
    if (name === "") refuse(number, "the section has no name");
    if (name === "options") {
      file.headers.push(number);
      return "options";
    }
    const door: DraftDoor = { name, line: number, texts: {}, flags: { value: {}, lines: [] } };
    file.doors.push(door);
    return door;
  };

  const ofDoor = (door: DraftDoor, key: string, written: string, at: Setting) => {
    const replace = (before: { readonly line: number } | undefined) => {
      if (before !== undefined) file.replaced.push({ line: before.line, by: at.line });
    };
    if (key === "SEQUENCE") {
      const value = readSequence(at.value);
      if (value.kind === "refused") refuse(at.line, value.why);
      replace(door.sequence);
      door.sequence = { line: at.line, value };
    } else if (key === "TCPFLAGS") {
      const flags = readFlags(at.value);
      if (flags === undefined) {
        refuse(at.line, `${quote(at.value)} is no list of fin, syn, rst, psh, ack and urg`);
        return;
      }
      door.flags.value = { ...door.flags.value, ...flags };
      door.flags.lines.push(at.line);
    } else if (isText(key)) {
      replace(door.texts[key]);
      door.texts[key] = at;
    } else {
      refuse(at.line, `it knows no key ${quote(written)}`);
    }
  };

  const ofOptions = (key: string, written: string, at: Setting) => {
    if (key === "LOGFILE") file.logFiles.push(at);
    else if (key === "PIDFILE") file.pidFiles.push(at);
    else if (key === "INTERFACE") file.interfaces.push(at);
    else refuse(at.line, `${quote(written)} is no key of [options]`);
  };

  let section: "none" | "options" | DraftDoor = "none";
  for (const line of lines) {
    if (line.kind === "section") section = begin(line.number, line.name);
    if (line.kind !== "setting") continue;
    const { number, value, text, written } = line;
    const key = ALIASES[line.key] ?? line.key;
    const [, mark, named] = /^(\ufeff?)\[([^\]]+)\](?:$|\s*[#;])/.exec(text) ?? [];
    if (named !== undefined) {
      const state = "stands behind the section";
      refuse(number, mark === "" ? `a comment ${state}` : "a byte order mark stands before it");
      section = begin(number, named);
    } else if (section === "none") {
      refuse(number, "it stands before the first section");
    } else if (value === undefined) {
      if (key === "USESYSLOG") file.useSyslog.push(number);
      else if (key === "ALLOWDUPLICATES") file.allowDuplicates.push(number);
      else refuse(number, `${quote(written)} has no value`);
    } else if (key === "USESYSLOG" || key === "ALLOWDUPLICATES") {
      refuse(number, `${quote(written)} takes no value`);
    } else if (section === "options") {
      ofOptions(key, written, { line: number, value });
    } else {
      ofDoor(section, key, written, { line: number, value });
    }
  }
  return file;
}

/** Whether knockd 0.8 would start with this file, if its interface and its one-time files exist. */
export function knockdStarts({ doors, faults, allowDuplicates }: KnockdFile): boolean {
  const extended = doors.some(({ texts }) => texts.SEQ_COOLDOWN ?? texts.OTP);
  const complete = doors.every(({ sequence, texts }) => sequence ?? texts.ONE_TIME_SEQUENCES);
  return faults.length === 0 && allowDuplicates.length === 0 && !extended && complete;
}
