/** B11: an hour of mixed hostile traffic in a minute, honest knocks in between: does anything drift? */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Contestant, type Running, SERVICE_PORT, isSallyport } from "../contestant.ts";
import { rounded } from "../figures.ts";
import { writeHour } from "../hour.ts";
import type { Bench, Measure, Row } from "../measure.ts";
import type { ProbeAnswer } from "../probe.ts";
import { residentOf } from "../process.ts";
import { openingFigures } from "../rounds.ts";
import { STAGE_HOUR, startReplay } from "../replayed.ts";
import { type Sent, Stage } from "../stage.ts";
import { counted } from "../variants.ts";

const QUARTERS = 4;

/** 90 times as fast, an hour's floods are 270,000 packets a second, its scans 100,000, its noise 9,000. */
const FULL = { seconds: 3_600, speed: 90, openingsEach: 5 };
const QUICK = { seconds: 20, speed: 20, openingsEach: 1 };
const SEED = 11;

/** Enough for an opening every 150 ms, since each knocks once a slot. */
const USERS = 300;
const REST_MS = [100, 200] as const;

interface Quarter {
  readonly answers: ProbeAnswer[];
  residentBytes: number;
}

/** Opens, portion by portion, until the replay is over; each portion belongs to the quarter it began in. */
async function openMeanwhile(
  stage: Stage,
  running: Running,
  replayed: Promise<Sent>,
  { seconds, speed, openingsEach }: typeof FULL,
): Promise<Quarter[]> {
  const quarters = Array.from({ length: QUARTERS }, (): Quarter => ({
    answers: [],
    residentBytes: 0,
  }));
  const began = performance.now();
  const lastsMs = (seconds * 1_000) / speed;
  const replay = { isOver: false };
  const end = replayed.finally(() => (replay.isOver = true));
  while (!replay.isOver) {
    const passed = (performance.now() - began) / lastsMs;
    const quarter = quarters[Math.min(QUARTERS - 1, Math.floor(passed * QUARTERS))]!;
    const openings = await running.prepare(stage.sources(openingsEach));
    quarter.answers.push(await stage.prober.open(openings, { restMs: REST_MS, patienceMs: 500 }));
    quarter.residentBytes = residentOf(running.pids).rss;
  }
  await end;
  return quarters;
}

function rowsOf(contestant: Contestant, quarters: readonly Quarter[], note: string): Row[] {
  const rows = quarters.map(({ answers, residentBytes }, i): Row => {
    const named = { contestant: contestant.name, condition: `quarter ${i + 1}` };
    if (answers.length === 0) return { ...named, figures: {}, note: "no opening began in it" };
    const residentMB = rounded(residentBytes / 1e6);
    return { ...named, figures: { ...openingFigures(answers), residentMB } };
  });
  const [first, second, last] = [rows[0]!.figures, rows[1]!.figures, rows.at(-1)!.figures];
  const drift: Record<string, number> = {};
  // Tables of a fixed size are full after the first floods; a leak goes on.
  const [before, after] = [second["residentMB"], last["residentMB"]];
  if (before !== undefined && after !== undefined) drift["grownMB"] = rounded(after - before);
  const [early, late] = [first["medianMs"], last["medianMs"]];
  if (early !== undefined && late !== undefined) drift["timesFirst"] = rounded(late / early);
  return [...rows, { contestant: contestant.name, condition: "drift", figures: drift, note }];
}

async function measure({ quick, contestants, log }: Bench): Promise<Row[]> {
  const scale = quick ? QUICK : FULL;
  const dir = mkdtempSync(join(tmpdir(), "sallyport-hour-"));
  const file = join(dir, "hour.pcap");
  try {
    const mix = writeHour(file, { ...STAGE_HOUR, seconds: scale.seconds, seed: SEED });
    log(`wrote ${JSON.stringify(mix)}`);
    const rows: Row[] = [];
    for (const contestant of contestants) {
      log(contestant.name);
      if (contestant.name === "nft") {
        const note = "no process that could grow";
        rows.push({ contestant: "nft", condition: "drift", figures: {}, note });
        continue;
      }
      using stage = await Stage.set([SERVICE_PORT]);
      const users = isSallyport(contestant) ? USERS : 1;
      await using running = await contestant.start(stage, { users });
      const replayed = startReplay(stage, file, scale.speed);
      const quarters = await openMeanwhile(stage, running, replayed, scale);
      const { sent, seconds } = await replayed;
      const note = `${counted(sent, "frame")} in ${rounded(seconds)} s`;
      rows.push(...rowsOf(contestant, quarters, note));
    }
    return rows;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export const growth: Measure = {
  id: "B11",
  title: "Growth",
  how:
    `an hour of noise, scans and floods (seed ${SEED}) replayed ${FULL.speed} times as fast, and an honest knock every 150 ms; ` +
    "resident memory at the end of each quarter, and the time to open in it; drift: the last quarter against the second (memory) and the first (time)",
  compare: "medianMs",
  targets: [
    { contestant: "sallyport", condition: "drift", figure: "grownMB", atMost: 5 },
    { contestant: "sallyport", condition: "drift", figure: "timesFirst", atMost: 1.5 },
  ],
  measure,
};
