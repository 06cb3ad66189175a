/** The curves as one picture of small charts that share their time axis. */

import { rounded } from "../bench/figures.ts";
import type { Judged } from "./curves.ts";

const COLUMNS = 2;
const WIDTH = 840;
const CHART = { width: 370, height: 88 } as const;
const GAP = { x: 60, y: 52 } as const;
const LEFT = 20;
const TOP = 44;

const STYLE = `text{font:12px ui-sans-serif,system-ui,sans-serif;fill:#1f2328}
.small{font-size:11px;fill:#59636e}.name{font-weight:600}.end{text-anchor:end}
.base{stroke:#d1d9e0;stroke-width:1}.line{fill:none;stroke:#0969da;stroke-width:1.5}
@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.small{fill:#9198a1}.base{stroke:#3d444d}.line{stroke:#4493f8}}`;

function line(values: readonly number[], most: number, x: number, y: number): string {
  const points = values.map((value, i) => {
    const at = x + (CHART.width * i) / Math.max(1, values.length - 1);
    return `${at.toFixed(1)},${(y + CHART.height * (1 - value / most)).toFixed(1)}`;
  });
  return `<polyline points="${points.join(" ")}" class="line"/>`;
}

function chart(curve: Judged, n: number): string {
  const x = LEFT + (n % COLUMNS) * (CHART.width + GAP.x);
  const y = TOP + Math.floor(n / COLUMNS) * (CHART.height + GAP.y);
  const values = curve.values.filter(Number.isFinite);
  const most = Math.max(...values, Number.MIN_VALUE) * 1.15;
  const [, before, , after] = curve.quarters;
  const words = `${rounded(before)} → ${rounded(after)} ${curve.unit}`.trim();
  return [
    `<text x="${x}" y="${y - 10}" class="name">${curve.title}</text>`,
    `<text x="${x + CHART.width}" y="${y - 10}" class="small end">${words}</text>`,
    `<line x1="${x}" x2="${x + CHART.width}" y1="${y + CHART.height}" y2="${y + CHART.height}" class="base"/>`,
    line(values, most, x, y),
  ].join("\n");
}

/** Each chart begins at 0; the words beside its title are the medians of the second and of the last quarter. */
export function drawCurves(curves: readonly Judged[], title: string): string {
  const rows = Math.ceil(curves.length / COLUMNS);
  const height = TOP + rows * (CHART.height + GAP.y);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">`,
    `<style>${STYLE}</style>`,
    `<text x="${LEFT}" y="18">${title}</text>`,
    ...curves.map(chart),
    "</svg>",
    "",
  ].join("\n");
}
