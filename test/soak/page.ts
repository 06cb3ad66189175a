/** docs/soak.md: what was done in the time, and what the daemon held at its quarters. */

import { quantile, rounded } from "../bench/figures.ts";
import { describeMachine } from "../bench/result.ts";
import type { Judged } from "./curves.ts";
import type { Day } from "./day.ts";

const count = (number: number) => number.toLocaleString("en");

function row({ title, unit, quarters, mayGrow, flat }: Judged): string {
  const bound = mayGrow === Infinity ? "" : `at most +${mayGrow} ${unit}`.trim();
  const verdict = mayGrow === Infinity ? "" : flat ? ", kept" : ", **missed**";
  const name = unit === "" ? title : `${title}, ${unit}`;
  return `| ${name} | ${quarters.map(rounded).join(" | ")} | ${bound}${verdict} |`;
}

export function pageOf(day: Day, curves: readonly Judged[], title: string): string {
  const opened = day.samples.flatMap((sample) => sample.opened);
  const ms = opened.flatMap(({ us }) => (us === null ? [] : [us / 1_000]));
  const { processor, cores, kernel } = describeMachine();
  return `# A long run

\`scripts/soak --markdown\` writes this page and its picture; nothing here is written by hand. ${title}, on ${cores} cores that other work
shared (${processor}, Linux ${kernel}): the compiled executable, its guard in the kernel's nftables, 300 users, one door. The last quarter is
compared with the third: in the first two, tables of a fixed size fill up, and the engine compiles what seldom runs.

![The curves](soak.svg)

| | first quarter | second | third | last | last beside third |
|---|---|---|---|---|---|
${curves.map(row).join("\n")}

${count(day.framesSent)} hostile frames were sent (noise of IPv4 and IPv6, scans of all ports, floods of forged sources), and the kernel dropped
${count(day.missed)} before the daemon saw them. Of ${count(opened.length)} honest knocks ${count(ms.length)} opened the door, in ${rounded(quantile(ms, 0.5))} ms (median; 99 % in
${rounded(quantile(ms, 0.99))} ms). Besides:

${[...day.done].map(([name, times]) => `- ${name}: ${count(times)} times`).join("\n")}
`;
}
