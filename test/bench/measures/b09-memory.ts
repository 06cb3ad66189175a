/**
 * B9: the memory of a daemon: idle, after a flood of forged sources, after an hour's worth of
 * knocks.
 */

import { type Contestant, type Running, SERVICE_PORT, isSallyport } from "../contestant.ts";
import { rounded } from "../figures.ts";
import type { Bench, Measure, Row } from "../measure.ts";
import { type Resident, residentOf } from "../process.ts";
import { Stage } from "../stage.ts";

/** A knock every seven seconds for an hour. */
const FULL = { sources: 1_000_000, knocks: 500, settleMs: 5_000 };
const QUICK = { sources: 5_000, knocks: 5, settleMs: 200 };

/** Openings made ready at a time: all of them are of slots that are valid when they are sent. */
const PORTION = 100;

function figuresOf(now: Resident, idle: Resident): Record<string, number> {
  return {
    residentMB: rounded(now.rss / 1e6),
    anonymousMB: rounded(now.anonymous / 1e6),
    fileMB: rounded(now.file / 1e6),
    grownMB: Number(((now.rss - idle.rss) / 1e6).toFixed(1)),
  };
}

async function knock(stage: Stage, running: Running, count: number): Promise<number> {
  let opened = 0;
  for (let done = 0; done < count; done += PORTION) {
    const openings = await running.prepare(stage.sources(Math.min(PORTION, count - done)));
    const answer = await stage.prober.open(openings, { restMs: [0, 2], patienceMs: 500 });
    opened += answer.opened.filter(({ us }) => us !== null).length;
  }
  return opened;
}

async function rowsOf(
  contestant: Contestant,
  { sources, knocks, settleMs }: typeof FULL,
): Promise<Row[]> {
  using stage = await Stage.set([SERVICE_PORT]);
  await using running = await contestant.start(stage, {
    users: isSallyport(contestant) ? knocks : 1,
  });
  const resident = () => residentOf(running.pids);
  const row = (condition: string, now: Resident, note?: string): Row => ({
    contestant: contestant.name,
    condition,
    figures: figuresOf(now, idle),
    ...(note === undefined ? {} : { note }),
  });
  await Bun.sleep(settleMs);
  const idle = resident();
  const { sent, seconds } = await stage.flood(running.heard(null), { frames: sources });
  await Bun.sleep(settleMs);
  const flooded = resident();
  const opened = await knock(stage, running, knocks);
  await Bun.sleep(settleMs);
  const knocked = resident();
  return [
    row("idle", idle),
    row("after the flood", flooded, `${sent} forged sources in ${rounded(seconds)} s`),
    row("after the knocks", knocked, `${opened} of ${knocks} knocks opened`),
  ];
}

async function measure({ quick, contestants, log }: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const contestant of contestants) {
    log(contestant.name);
    if (contestant.name === "nft") {
      const note = "no process; its sets are memory of the kernel";
      rows.push({ contestant: "nft", condition: "idle", figures: {}, note });
    } else rows.push(...(await rowsOf(contestant, quick ? QUICK : FULL)));
  }
  return rows;
}

export const memory: Measure = {
  id: "B9",
  title: "Memory",
  how:
    `resident, with files that are mapped: ${FULL.settleMs / 1_000} s after the start (sallyport with ${FULL.knocks} users), after ` +
    `${FULL.sources.toLocaleString("en")} packets of what it listens to from as many forged sources, after ${FULL.knocks} openings`,
  compare: "residentMB",
  targets: [
    { contestant: "sallyport", condition: "idle", figure: "residentMB", atMost: 50 },
    { contestant: "sallyport", condition: "after the flood", figure: "grownMB", atMost: 64 },
    { contestant: "sallyport", condition: "after the knocks", figure: "grownMB", atMost: 64 },
  ],
  measure,
};
