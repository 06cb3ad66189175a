/**
 * Keys of config.toml that had another name, which still works, with a warning. An entry stays for
 * ever: without it, an upgrade that skips a release would find its file refused, and the copy of
 * the last good one too.
 */

import type { Mistake, Path } from "./mistake.ts";
import { isTable } from "./tables.ts";

export interface FormerKey {
  /** The path from the top of the file; "*" stands for any name, such as that of a door. */
  readonly was: readonly string[];
  /** The present name, in the same table. */
  readonly is: string;
  /** The version that renamed it. */
  readonly since: string;
}

/** None so far. */
export const FORMER_KEYS: readonly FormerKey[] = [];

/** A key that the file has under its former name. */
export interface RenamedKey {
  readonly was: Path;
  readonly is: Path;
  readonly since: string;
}

interface Found {
  readonly renamed: RenamedKey[];
  readonly mistakes: Mistake[];
}

/**
 * The table from smol-toml, with every key under its present name; `mistakes` where a file has both
 * names.
 */
export function withNamesOfNow(
  raw: unknown,
  former: readonly FormerKey[] = FORMER_KEYS,
): Found & { readonly raw: unknown } {
  const found: Found = { renamed: [], mistakes: [] };
  const now = former.reduce((value, key) => renameIn(value, key, [], found), raw);
  return { raw: now, ...found };
}

function renameIn(value: unknown, former: FormerKey, at: Path, found: Found): unknown {
  if (!isTable(value)) return value;
  const step = former.was[at.length]!;
  if (at.length === former.was.length - 1) return renameHere(value, former, at, found);
  return mapTable(value, (name, below) => [
    name,
    step === "*" || step === name ? renameIn(below, former, [...at, name], found) : below,
  ]);
}

function renameHere(
  table: Readonly<Record<string, unknown>>,
  { was, is, since }: FormerKey,
  at: Path,
  { renamed, mistakes }: Found,
): unknown {
  const old = was.at(-1)!;
  if (!Object.hasOwn(table, old)) return table;
  const path = asWritten([...at, old], renamed);
  if (Object.hasOwn(table, is)) {
    const state = `is the former name of ${is}, which stands there too`;
    mistakes.push({ path, state, remedy: "take it out" });
    return Object.fromEntries(Object.entries(table).filter(([name]) => name !== old));
  }
  renamed.push({ was: path, is: [...at, is], since });
  return mapTable(table, (name, below) => [name === old ? is : name, below]);
}

function mapTable(
  table: Readonly<Record<string, unknown>>,
  change: (name: string, value: unknown) => [string, unknown],
): unknown {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => change(name, value)));
}

/** A path of present names in the file's own names. */
export function asWritten(path: Path, renamed: readonly RenamedKey[]): Path {
  const on = renamed.filter(({ is }) => is.every((step, i) => step === path[i]));
  // The innermost one: its own path was translated when it was found.
  const key = on.sort((a, b) => b.is.length - a.is.length)[0];
  return key === undefined ? path : [...key.was, ...path.slice(key.was.length)];
}

/** The report about it, in the shape of a mistake. */
export function describeRenamed({ was, is, since }: RenamedKey): Mistake {
  const state = `is called ${String(is.at(-1))} since version ${since}`;
  return { path: was, state, remedy: "write that" };
}
