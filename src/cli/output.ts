/** Output of every command: lines, tables and JSON; plain where no person looks, safe in a pipe. */

import { styleText } from "node:util";
import { ExitCode, messageOf } from "../core/errors.ts";
import { printable, printableJson, printableLines } from "../core/printable.ts";

export { printable };

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

export interface Column {
  readonly title: string;
  /** Default: left. */
  readonly align?: "left" | "right";
}

let guarded = false;
let finishing = false;
let failed = false;

/**
 * Ends the program silently when the reader of a pipe is gone (`| head`), and with a sentence when
 * standard output cannot be written (a full disk). Every print calls it; the first call counts.
 */
export function guardOutput(): void {
  if (guarded) return;
  guarded = true;
  process.stdout.on("error", (error: Error & { readonly code?: string }) => {
    // The command's own outcome stands: a reader who left did not undo its work.
    if (error.code !== "EPIPE") {
      if (!failed) printError(`sallyport: Cannot write the output: ${messageOf(error)}`);
      failed = true;
      process.exitCode = ExitCode.failure;
    }
    if (!finishing) process.exit();
  });
}

/**
 * From here on the command goes on to its end where its output cannot be written: it prints before
 * its work is done, and half of that is worse than what nobody reads.
 */
export function finishUnread(): void {
  finishing = true;
}

/** Whether a person looks: tables, headings and colour are for a terminal only. */
export function onTerminal(): boolean {
  return process.stdout.isTTY;
}

/**
 * Text in a colour or weight, when standard output is a terminal that shows it (and NO_COLOR is not
 * set).
 */
export function styled(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** Text of several lines as one line, for output with one row a line. */
export function oneLine(text: string): string {
  return text
    .trim()
    .replaceAll(/:\s*\n\s*/g, ": ")
    .replaceAll(/\s*\n\s*/g, "; ");
}

/**
 * Prints one line, or several separated by line breaks. Text from files, sockets and other programs
 * goes through `printable` first.
 */
export function print(text: string): void {
  guardOutput();
  process.stdout.write(`${text}\n`);
}

/**
 * Prints to standard error, for the person: standard output may belong to a program. Lines of the
 * text stay lines; whatever else would drive a terminal is replaced.
 */
export function printError(text: string): void {
  process.stderr.write(`${printableLines(text)}\n`);
}

/** Prints a value as indented JSON. */
export function printJson(value: unknown): void {
  print(printableJson(value, 2));
}

/**
 * Columns as wide as their widest cell, titles first, for `print` on a terminal. Widths are
 * measured in the terminal's cells, styled text included. No trailing spaces.
 */
export function alignColumns(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const titles = columns.map(({ title }) => title);
  const widths = columns.map((_, i) =>
    Math.max(...[titles, ...rows].map((row) => Bun.stringWidth(row[i] ?? ""))),
  );
  const aligned = (row: readonly string[]) =>
    columns
      .map(({ align }, i) => {
        const cell = row[i] ?? "";
        const pad = " ".repeat(widths[i]! - Bun.stringWidth(cell));
        return align === "right" ? pad + cell : cell + pad;
      })
      .join("  ")
      .trimEnd();
  return [styled("dim", aligned(titles)), ...rows.map(aligned)].join("\n");
}

/**
 * Prints rows of text from any source. A terminal gets them aligned under titles; everything else
 * gets one row a line with tabs between the cells and no titles, for `cut` and `awk`.
 */
export function printTable(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
  const clean = rows.map((row) => row.map(printable));
  if (onTerminal()) print(alignColumns(columns, clean));
  else for (const row of clean) print(row.join("\t"));
}
