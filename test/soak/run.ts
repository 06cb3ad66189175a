/**
 * Plays a server's day in less time and says whether anything grows:
 *
 *     bun test/soak/run.ts [--minutes N] [--speed N] [--markdown]
 *
 * Exits with 1 where a curve is not flat or a knock opened nothing.
 */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { rounded } from "../bench/figures.ts";
import { curvesOf } from "./curves.ts";
import { liveThrough } from "./day.ts";
import { drawCurves } from "./draw.ts";
import { pageOf } from "./page.ts";

/** The share of honest knocks that must open: a flush by another program may cost one. */
const OPENED = 0.99;
const SAMPLES = 120;

function readArguments(): { minutes: number; speed: number; markdown: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: "string", default: "60" },
        speed: { type: "string", default: "8" },
        markdown: { type: "boolean", default: false },
      },
    });
    const [minutes, speed] = [Number(values.minutes), Number(values.speed)];
    if (!(minutes > 0 && speed > 0)) throw new Error("--minutes and --speed are numbers above 0");
    return { minutes, speed, markdown: values.markdown };
  } catch (error) {
    console.error(`scripts/soak: ${(error as Error).message}`);
    process.exit(64);
  }
}

const { minutes, speed, markdown } = readArguments();
const hours = rounded((minutes * speed) / 60);
const title = `${hours} hours of hostile traffic in ${rounded(minutes)} minutes`;
const day = await liveThrough({ minutes, speed, samples: SAMPLES, log: console.error });
const curves = curvesOf(day);
const page = pageOf(day, curves, title);
console.log(page);
if (markdown) {
  writeFileSync("docs/soak.md", page);
  writeFileSync("docs/soak.svg", drawCurves(curves, title));
}
const opened = day.samples.flatMap((sample) => sample.opened);
const share = opened.filter(({ us }) => us !== null).length / opened.length;
const grown = curves.filter(({ flat }) => !flat).map(({ title: name }) => name);
if (grown.length > 0) console.log(`Grew: ${grown.join(", ")}`);
if (share < OPENED) console.log(`Only ${rounded(100 * share)} % of the honest knocks opened`);
process.exit(grown.length === 0 && share >= OPENED ? 0 : 1);
