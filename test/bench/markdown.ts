/** A result as Markdown, for documentation: a table a measure. */

import type { Row } from "./measure.ts";
import { columnsOf } from "./report.ts";
import type { Outcome, Result } from "./result.ts";

function cell(value: string | number | undefined): string {
  return value === undefined ? "" : String(value).replaceAll("|", "\\|");
}

function line(cells: readonly (string | number | undefined)[]): string {
  return `| ${cells.map(cell).join(" | ")} |`;
}

function table({ rows }: Outcome): string {
  const columns = columnsOf(rows);
  const body = rows.map(({ condition, contestant, figures }) =>
    line([condition, contestant, ...columns.map((column) => figures[column])]),
  );
  const heads = ["condition", "contestant", ...columns];
  return [line(heads), line(heads.map(() => "---")), ...body].join("\n");
}

function notes(rows: readonly Row[]): string {
  return rows
    .flatMap(({ contestant, condition, note }) =>
      note === undefined ? [] : [`- ${contestant}, ${condition}: ${note}`],
    )
    .join("\n");
}

function section(outcome: Outcome): string {
  const { id, title, how, rows } = outcome;
  const parts = [`### ${id} ${title}`, `${how}.`, table(outcome), notes(rows)];
  return parts.filter(Boolean).join("\n\n");
}

/** All of a result; sections of the third level. */
export function renderMarkdown(result: Result): string {
  const { processor, cores, memoryGiB, kernel } = result.machine;
  const settings = result.contestants.map(
    (one) => `- **${one.name}** (${one.title}): ${one.settings}`,
  );
  const machine = `${result.at.slice(0, 10)}, ${cores} cores (${processor}), ${memoryGiB} GiB, Linux ${kernel}, ${Math.round(result.seconds / 60)} minutes${result.quick ? ", a quick run: its figures mean nothing" : ""}.`;
  return `${[machine, settings.join("\n"), ...result.measures.map(section)].join("\n\n")}\n`;
}
