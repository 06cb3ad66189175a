/** The chart of a run for the README: time to open on a logarithmic scale, idle and under flood. */

import type { ContestantName } from "./contestant.ts";
import type { Row } from "./measure.ts";
import type { Result } from "./result.ts";

const WIDTH = 840;
const LEFT = 200;
const RIGHT = 130;
const TOP = 64;
const BAR = 13;
const GROUP_GAP = 16;

/** The axis, in milliseconds. */
const FIRST = 0.01;
const LAST = 1_000;

const SERIES = [
  { id: "idle", title: "idle machine" },
  { id: "flood", title: "forged SYNs at full rate" },
  { id: "worst", title: "the flood that hurts it most" },
] as const;

type SeriesId = (typeof SERIES)[number]["id"];

const STYLE = `text{font:12px ui-sans-serif,system-ui,sans-serif;fill:#1f2328}
.name{font-weight:600;text-anchor:end}.small{font-size:11px;fill:#59636e}.title{font-size:14px;font-weight:600}
.grid{stroke:#d1d9e0;stroke-width:1}.idle{fill:#1a7f37}.flood{fill:#bf8700}.worst{fill:#cf222e}.none{font-style:italic}
.p99{stroke:#59636e;stroke-width:1.5}
@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.small{fill:#9198a1}.grid{stroke:#3d444d}
.idle{fill:#3fb950}.flood{fill:#d29922}.worst{fill:#f85149}.p99{stroke:#9198a1}}`;

/** The row a bar is drawn from; of several floods the one that let the fewest in, then the slowest. */
function rowOf(result: Result, contestant: ContestantName, series: SeriesId): Row | undefined {
  const rows = (id: string) =>
    (result.measures.find((measure) => measure.id === id)?.rows ?? []).filter(
      (row) => row.contestant === contestant,
    );
  if (series === "idle") return rows("B1")[0];
  if (series === "flood") return rows("B2").find(({ condition }) => condition !== "idle");
  const hurt = ({ figures }: Row) =>
    (100 - (figures["openedPercent"] ?? 0)) * LAST + (figures["medianMs"] ?? 0);
  return rows("B3").toSorted((a, b) => hurt(b) - hurt(a))[0];
}

function xOf(ms: number): number {
  const share = Math.log10(ms / FIRST) / Math.log10(LAST / FIRST);
  return LEFT + Math.min(1, Math.max(0, share)) * (WIDTH - LEFT - RIGHT);
}

function duration(ms: number): string {
  if (ms < 1) return `${Number((ms * 1_000).toPrecision(2))} µs`;
  return `${Number(ms.toPrecision(ms < 10 ? 2 : 3))} ms`;
}

function text(x: number, y: number, content: string, classes: string, anchor = ""): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x.toFixed(1)}" y="${y}" class="${classes}"${anchor}>${escaped}</text>`;
}

/** The bar to the median, a line on to the 99th percentile, and both in words. */
function bar({ figures }: Row, series: SeriesId, y: number): string {
  const { medianMs, p99Ms, openedPercent = 0 } = figures;
  const middle = y + BAR - 3;
  if (medianMs === undefined || p99Ms === undefined) {
    return text(LEFT + 4, middle, "nobody gets in", "small none");
  }
  const end = xOf(medianMs);
  const far = xOf(p99Ms);
  const share = openedPercent < 100 ? ` · ${openedPercent} % get in` : "";
  return (
    `<rect x="${LEFT}" y="${y}" width="${Math.max(1, end - LEFT).toFixed(1)}" height="${BAR - 2}" rx="2" class="${series}"/>` +
    `<line x1="${end.toFixed(1)}" x2="${far.toFixed(1)}" y1="${y + BAR / 2 - 1}" y2="${y + BAR / 2 - 1}" class="p99"/>` +
    text(Math.max(end, far) + 6, middle, `${duration(medianMs)}${share}`, "small")
  );
}

function axis(bottom: number): string {
  const decades = Array.from(
    { length: Math.round(Math.log10(LAST / FIRST)) + 1 },
    (_, i) => FIRST * 10 ** i,
  );
  return decades
    .map((ms) => {
      const x = xOf(ms);
      const label = ms < 1_000 ? duration(ms) : "1 s";
      return (
        `<line x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${TOP - 6}" y2="${bottom}" class="grid"/>` +
        text(x, bottom + 16, label, "small", ' text-anchor="middle"')
      );
    })
    .join("\n");
}

function legend(): string {
  let x = LEFT;
  return SERIES.map(({ id, title }) => {
    const at = x;
    x += 30 + title.length * 6.6;
    return `<rect x="${at}" y="36" width="11" height="11" rx="2" class="${id}"/>${text(at + 16, 46, title, "small")}`;
  }).join("");
}

/** The whole picture; contestants without a row in B1 to B3 are left out. */
export function drawChart(result: Result): string {
  const parts: string[] = [];
  let y = TOP;
  for (const { name, title } of result.contestants) {
    const rows = SERIES.flatMap(({ id }) => {
      const row = rowOf(result, name, id);
      return row === undefined ? [] : [{ id, row }];
    });
    if (rows.length === 0) continue;
    parts.push(text(LEFT - 10, y + (rows.length * BAR) / 2 + 3, title, "name"));
    for (const { id, row } of rows) {
      parts.push(bar(row, id, y));
      y += BAR;
    }
    y += GROUP_GAP;
  }
  const bottom = y - GROUP_GAP + 6;
  const { processor, cores, kernel } = result.machine;
  const machine = `${cores} cores, ${processor}, Linux ${kernel}, ${result.at.slice(0, 10)}; bar: median, line: to the 99th percentile, logarithmic`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 46}" width="${WIDTH}" role="img" aria-label="Time from the last knock to the first connection let in">
<style>${STYLE}</style>
${text(LEFT, 22, "From the last knock to the first connection let in", "title")}
${legend()}
${axis(bottom)}
${parts.join("\n")}
${text(LEFT, bottom + 38, machine, "small")}
</svg>
`;
}
