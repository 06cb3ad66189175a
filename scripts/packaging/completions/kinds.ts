/** The completions of a value, by its name in `--help`. */

import type { ArgumentWords, CommandWords, OptionWords } from "../words.ts";

export type Kind = "file" | "folder" | "profile" | "other";

const KINDS: Readonly<Record<string, Kind>> = {
  file: "file",
  path: "file",
  dir: "folder",
  profile: "profile",
};

export function kindOfValue({ value = "" }: OptionWords): Kind {
  return KINDS[value] ?? "other";
}

export function kindOfArgument({ term }: ArgumentWords): Kind {
  return KINDS[term.replaceAll(/[<>[\].]/g, "")] ?? "other";
}

/** The completions of its first argument; the others are ports, addresses and the like. */
export function kindOfFirst({ arguments: [first] }: CommandWords): Kind {
  return first === undefined ? "other" : kindOfArgument(first);
}

/** Of "-d, --delay <ms>" both, of "--json" one. */
export function spellings({ short, long }: OptionWords): string[] {
  return [short, long].filter((name) => name !== undefined);
}

/** A shell's word in single quotes. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
