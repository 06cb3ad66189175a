/** Loads config.toml: either all of it is right, or every mistake is reported with its line. */

import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { parse, TomlError } from "smol-toml";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { describeRenamed } from "./former-keys.ts";
import { errnoOf, shortageRemedy } from "../core/system-error.ts";
import { lineFinder } from "./lines.ts";
import { formatPath } from "./mistake.ts";
import type { Mistake } from "./mistake.ts";
import { type ReadOptions, readSettings } from "./read-settings.ts";
import type { Settings } from "./settings.ts";

/** A file larger than this is not a config.toml. */
const MOST_BYTES = 256 * 1_024;
/** A file with more mistakes than this gets only the first of them reported. */
const MOST_MISTAKES = 50;

function refuse(file: string, reason: string): never {
  throw new SallyportError(`Cannot load ${file}: ${reason}`, ExitCode.config);
}

const KNOCKD =
  'it is a knockd.conf, and not TOML: run "sallyport import knockd", and name the file that it writes';

/** Words that only knockd(1) has, or its sequences, which have no quotes. */
function isKnockdConfig(text: string): boolean {
  return (
    /^[ \t]*(seq_timeout|seq_cooldown|start_command|stop_command|cmd_timeout|tcpflags|one_time_sequences)[ \t]*=/im.test(
      text,
    ) || /^[ \t]*sequence[ \t]*=[ \t]*\d+(:(tcp|udp))?[ \t]*,/im.test(text)
  );
}

/** Checks the open file, since the name may lead to another by now; a pipe holds nobody up. */
function readOpened(file: string): Buffer {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) refuse(file, "it is not a regular file: name the configuration file");
    if (stat.size > MOST_BYTES) {
      refuse(file, `it has ${stat.size} bytes: name a config.toml of at most ${MOST_BYTES}`);
    }
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The text of a configuration file. Throws one sentence for each way in which reading can fail. */
export function readConfigText(file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readOpened(file));
  } catch (error) {
    if (error instanceof SallyportError) throw error;
    if (error instanceof TypeError) return refuse(file, "it is not UTF-8: save it as UTF-8 text");
    const code = errnoOf(error);
    if (code === "ENOENT") {
      return refuse(file, "it does not exist: write it, or name another with --config");
    }
    throw new SallyportError(
      `Cannot load ${file}: ${code}: ${shortageRemedy(code) ?? "run as root, or make it readable for this user"}`,
      code === "EACCES" ? ExitCode.privilege : ExitCode.config,
    );
  }
}

/** smol-toml's message without the excerpt at its end, which would quote the text of the file. */
function syntaxMistake(file: string, error: TomlError): string {
  const [reason = ""] = error.message.replace("Invalid TOML document: ", "").split("\n");
  return `${file}:${error.line}: TOML is broken at column ${error.column}: ${reason}: ${syntaxRemedy(reason)}`;
}

function syntaxRemedy(reason: string): string {
  if (reason.includes("redefine")) return "write every table and every key of it once";
  if (/numeric|invalid value|date|zero|underscore/.test(reason)) {
    return 'write text in quotes, such as "30s"';
  }
  if (/expected comma|unfinished|in strings/.test(reason)) {
    return "close the text, list or table that begins here or above";
  }
  return 'write lines such as [door.ssh] and open_for = "30s"';
}

function throwMistakes(file: string, lines: readonly string[], count = lines.length): never {
  const head = `Cannot load ${file}: ${count === 1 ? "one mistake" : `${count} mistakes`}`;
  const more = count > lines.length ? [`(and ${count - lines.length} more)`] : [];
  throw new SallyportError([head, ...lines, ...more].join("\n"), ExitCode.config);
}

function sentences(file: string, toml: string, mistakes: readonly Mistake[]): string[] {
  const lineOf = lineFinder(toml);
  return mistakes
    .map((mistake) => ({ ...mistake, line: lineOf(mistake.path) }))
    .sort((a, b) => a.line - b.line)
    .map(
      ({ line, path, state, remedy }) => `${file}:${line}: ${formatPath(path)} ${state}: ${remedy}`,
    );
}

/**
 * Reads the text of a config.toml; `file` is its name in messages. Accepts keys under their former
 * names, and lists them in `formerNames`. Throws a SallyportError (exit 78): its first line counts
 * the mistakes, and each other line has one, "FILE:LINE: PATH …: remedy".
 */
export function parseSettings(
  toml: string,
  file = "config.toml",
  options: ReadOptions = {},
): Settings {
  let raw: unknown;
  try {
    raw = parse(toml);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    if (isKnockdConfig(toml)) return refuse(file, KNOCKD);
    return throwMistakes(file, [syntaxMistake(file, error)]);
  }
  const { settings, mistakes, renamed } = readSettings(raw, options);
  if (settings !== undefined) {
    if (renamed.length === 0) return settings;
    return { ...settings, formerNames: sentences(file, toml, renamed.map(describeRenamed)) };
  }
  return throwMistakes(
    file,
    sentences(file, toml, mistakes.slice(0, MOST_MISTAKES)),
    mistakes.length,
  );
}

/**
 * Loads and checks a configuration file. Throws like `parseSettings`, or when the file cannot be
 * read.
 */
export function loadSettings(file: string): Settings {
  return parseSettings(readConfigText(file), file);
}
