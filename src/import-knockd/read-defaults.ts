/**
 * /etc/default/knockd: the options that knockd is started with, which take precedence over its
 * file.
 */

import { parseShell } from "./shell-commands.ts";
import { shellTokens } from "./shell-tokens.ts";
import { different, not, type Remark, same } from "./verdicts.ts";

export interface DefaultsLine {
  readonly line: number;
  /** The name that the line sets, for a report. */
  readonly name: string;
  readonly remarks: readonly Remark[];
}

export interface Defaults {
  readonly lines: readonly DefaultsLine[];
  /** Of `-i`; it takes precedence over the file's. */
  readonly interface?: string;
}

const LONG: Readonly<Record<string, string>> = {
  interface: "i",
  daemon: "d",
  config: "c",
  debug: "D",
  lookup: "l",
  pidfile: "p",
  logfile: "g",
  verbose: "v",
  "only-ip-v4": "4",
};
const WITH_VALUE = new Set(["i", "c", "p", "g"]);

const SAID: Readonly<Record<string, (value: string) => Remark>> = {
  i: (value) => same(`interfaces = ["${value}"]`),
  c: (value) => different(`knockd reads ${value}: import that file, if it is not the one at hand`),
  d: () => same("the service manager keeps sallyport in the background"),
  D: () => same('"sallyport why ADDRESS" tells what debugging told'),
  l: () => different("names of addresses are not looked up: that would tell others of a knock"),
  p: () => different("sallyport needs no pidfile: its lock and its socket are in /run/sallyport"),
  g: () =>
    different(
      'sallyport logs to its standard output, which the journal keeps; "sallyport log" is the audit log',
    ),
  v: () => same("sallyport tells what happens without it"),
  "4": () => different("doors open to IPv6 addresses, too"),
};

/** getopt_long(3): options with their values, joined or apart. */
function readOptions(words: readonly string[]): { name: string; value: string }[] {
  const options: { name: string; value: string }[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const [, long, joined] = /^--([a-z0-9-]+)(?:=(.*))?$/.exec(word) ?? [];
    if (long !== undefined) {
      const name = LONG[long] ?? long;
      options.push({ name, value: WITH_VALUE.has(name) ? (joined ?? words[++at] ?? "") : "" });
      continue;
    }
    for (let i = 1; word.startsWith("-") && i < word.length; i++) {
      const name = word[i]!;
      const valued = WITH_VALUE.has(name);
      const rest = word.slice(i + 1);
      options.push({ name, value: valued ? (rest === "" ? (words[++at] ?? "") : rest) : "" });
      if (valued) break;
    }
    if (!word.startsWith("-")) options.push({ name: word, value: "" });
  }
  return options;
}

/**
 * What a line sets. systemd, which reads this file on Debian, takes a value without quotes to the end
 * of the line, where a shell takes one word. The value is undefined where a quote does not end.
 */
function unquoted(line: string): { name: string; value: string | undefined } | undefined {
  const [, name, written = ""] = /^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*)$/.exec(line) ?? [];
  if (name === undefined) return undefined;
  const tokens = shellTokens(written);
  if (tokens === undefined) return { name, value: undefined };
  const end = tokens.findIndex(({ kind }) => kind !== "word");
  const words = tokens
    .slice(0, Math.max(end, 0))
    .map((token) => (token.kind === "word" ? token.parts.map(({ text }) => text).join("") : ""));
  return { name, value: words.join(" ") };
}

/** Reads the file; only the last line that sets a name counts, as in a shell. */
export function readDefaults(text: string): Defaults {
  const set = text.split(/\r?\n/).flatMap((line, i) => {
    if (/^\s*(#|$)/.test(line)) return [];
    return [{ line: i + 1, written: line, set: unquoted(line) }];
  });
  const last = (name: string) => set.findLast((one) => one.set?.name === name);
  let found: string | undefined;
  const lines = set.map(({ line, written, set: one }): DefaultsLine => {
    if (one === undefined) {
      return {
        line,
        name: written.trim(),
        remarks: [not("it sets no variable: look whether it matters")],
      };
    }
    const { name, value } = one;
    if (last(name)?.line !== line)
      return { line, name, remarks: [same(`line ${last(name)?.line} sets it again`)] };
    if (name === "START_KNOCKD") {
      const on = value === "1" ? "started" : "did not start";
      return {
        line,
        name,
        remarks: [
          different(
            `Debian's script ${on} knockd by it; sallyport is started by its service: "sallyport service install"`,
          ),
        ],
      };
    }
    if (name !== "KNOCKD_OPTS")
      return {
        line,
        name,
        remarks: [not("knockd's scripts do not know it: look whether it matters")],
      };
    if (value === undefined) {
      const remark = not("a quote or a backslash in it has no end: look which options it sets");
      return { line, name, remarks: [remark] };
    }
    const options = readOptions(parseShell(`knockd ${value}`)?.[0]?.words.slice(1) ?? []);
    const remarks = options.map(({ name: option, value: of }) => {
      if (of === "" && WITH_VALUE.has(option)) {
        return not(`knockd does not start with these: -${option} has no value`);
      }
      if (option === "i") found = of;
      return SAID[option]?.(of) ?? not(`knockd has no option "${option}"`);
    });
    return { line, name, remarks: remarks.length === 0 ? [same("no options")] : remarks };
  });
  return { lines, ...(found !== undefined && { interface: found }) };
}
