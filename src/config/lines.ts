/** Finds the line of a value in a TOML text: the parser does not tell it for a valid text. */

import { parse } from "smol-toml";
import type { Path } from "./mistake.ts";

/** A key and its value, or a table's header, with its lines (the first is 1). */
interface Statement {
  /**
   * The statement alone, below the header of its table: this text parses to its definitions, from
   * the top.
   */
  readonly header: string;
  readonly lines: readonly string[];
  readonly first: number;
}

function tryParse(toml: string): unknown {
  try {
    return parse(toml);
  } catch {
    return undefined;
  }
}

/** How much of `path` exists in `value`: from 0 to `path.length`. */
function depthOf(path: Path, value: unknown): number {
  let at = value;
  for (const [depth, step] of path.entries()) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return depth;
    at = (at as Record<string | number, unknown>)[step];
  }
  return path.length;
}

/**
 * Cuts the text where it parses. A statement ends at the first line with which it is valid TOML, so
 * lists and strings of several lines stay whole, and a "[" at its start can only be a table's
 * header.
 */
function statementsOf(toml: string): Statement[] {
  const statements: Statement[] = [];
  let header = "";
  let pending: string[] = [];
  for (const [i, line] of toml.split(/\r?\n/).entries()) {
    pending.push(line);
    // Only such a line can end a statement of several lines; trying at every line would take long.
    if (pending.length > 1 && !/[\]}]|"""|'''/.test(line)) continue;
    const isHeader = pending[0]!.trimStart().startsWith("[");
    const scope = isHeader ? "" : header;
    if (tryParse(`${scope}\n${pending.join("\n")}`) === undefined) continue;
    if (isHeader) header = line;
    statements.push({ header: scope, lines: pending, first: i + 2 - pending.length });
    pending = [];
  }
  return statements;
}

/**
 * Texts that may close a string and the lists and inline tables open in the middle of a statement.
 */
const BRACKETS = ["", "]", "}", "]]", "]}", "}]", "}}", "]]}", "]}]", "]}}", "}}}", "]}}}"];
const CLOSERS = ["", '"""', "'''"].flatMap((quotes) => BRACKETS.map((end) => quotes + end));

/** Nobody writes such a statement by hand, and searching it would take long. */
const LONG_STATEMENT = 500;

/** The line within a statement at which `path` first exists. */
function lineWithin({ header, lines, first }: Statement, path: Path): number {
  if (lines.length > LONG_STATEMENT) return first;
  for (let count = 1; count < lines.length; count++) {
    const begun = `${header}\n${lines.slice(0, count).join("\n")}`;
    const found = CLOSERS.some((closer) => {
      const value = tryParse(`${begun}\n${closer}`);
      return value !== undefined && depthOf(path, value) === path.length;
    });
    if (found) return first + count - 1;
  }
  return first + lines.length - 1;
}

/**
 * Returns a function from a path to the line that defines it. A list item has its own line. A
 * missing key has the line of the innermost table that exists, or 1 where none does.
 */
export function lineFinder(toml: string): (path: Path) => number {
  const statements = statementsOf(toml).map((statement) => ({
    statement,
    value: tryParse(`${statement.header}\n${statement.lines.join("\n")}`),
    scope: tryParse(statement.header),
  }));
  return (path) => {
    let best = { depth: 0, line: 1 };
    for (const { statement, value, scope } of statements) {
      const depth = depthOf(path, value);
      // A path that its table's header defines belongs to the header, unless the header is
      // elsewhere.
      if (depth <= best.depth || depth <= depthOf(path, scope)) continue;
      best = { depth, line: lineWithin(statement, path.slice(0, depth)) };
    }
    return best.line;
  };
}
