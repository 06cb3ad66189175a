/**
 * From the Markdown of docs/ to man(7): headings, paragraphs, lists and tables, the only elements
 * there.
 */

import { block, bold, inline, item, section, subsection } from "./roff.ts";

type Cells = readonly string[];

function cellsOf(row: string): Cells {
  return row
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/**
 * Each row under its first cell: in a window of 80, the columns of a table would have three words.
 */
function table(lines: readonly string[]): string[] {
  const [, means = "", ...others] = cellsOf(lines[0]!);
  return lines.slice(2).map((line) => {
    const [term = "", first = "", ...rest] = cellsOf(line);
    const more = rest.flatMap((cell, i) =>
      cell === "" ? [] : [`${capital(others[i]!)}: ${cell}.`],
    );
    const main = means === "meaning" || rest.length === 0 ? first : `${capital(means)}: ${first}`;
    return item(bold(term.replaceAll("`", "")), inline([`${main}.`, ...more].join(" ")));
  });
}

/** Numbered points and points with a dash; a continued line belongs to the one before. */
function list(lines: readonly string[]): string[] {
  return lines
    .join("\n")
    .split(/\n(?=\d+\. |- )/)
    .map((point) => {
      const [, mark = "", text = ""] = /^(\d+\.|-) ([^]*)$/.exec(point) ?? [];
      const sign = mark === "-" ? "\\(bu" : mark;
      return `.IP ${sign} 4\n${inline(text.replaceAll(/\n\s*/g, " "))}`;
    });
}

/** A document without its title; headings begin sections. */
export function fromMarkdown(text: string): string[] {
  const blocks = text.split(/(```[^]*?```)|\n{2,}|(?<=^#.*)\n/m).filter((part) => part?.trim());
  return blocks.flatMap((part) => {
    const lines = part.trim().split("\n");
    const [first = ""] = lines;
    if (first.startsWith("```")) return [block(lines.slice(1, -1).join("\n"))];
    if (first.startsWith("# ")) return [];
    if (first.startsWith("## ")) return [section(first.slice(3))];
    if (first.startsWith("#")) return [subsection(first.replace(/^#+ /, ""))];
    if (first.startsWith("|")) return table(lines);
    if (/^(\d+\.|-) /.test(first)) return list(lines);
    return [`.PP\n${inline(lines.join(" "))}`];
  });
}
