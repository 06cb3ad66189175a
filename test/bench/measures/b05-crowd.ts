/** B5: many clients of different addresses knock in the same second; how many of them get in. */

import { type Contestant, type Opening, SERVICE_PORT, isSallyport } from "../contestant.ts";
import { quantile, rounded } from "../figures.ts";
import type { CrowdAnswer, CrowdOrder } from "../load/crowd.ts";
import type { Bench, Measure, Row } from "../measure.ts";
import { probeSyn } from "../prober-process.ts";
import { Stage } from "../stage.ts";
import { counted } from "../variants.ts";
import { AS_SENDER } from "../processors.ts";
import { spawn } from "../../support/programs.ts";

const CROWD = new URL("../load/crowd.ts", import.meta.url).pathname;

/** When they begin: all within a second, as people do at nine in the morning. */
const SPAN_MS = 1_000;

/** A client that is not in by then has given up. */
const PATIENCE_MS = 5_000;

/**
 * How often a client tries to connect: soon at first, and so that a thousand clients are no flood.
 */
const EVERY_MS = [0.1, 10] as const;

/** Between two knocks of one client: like command line clients, and like browsers. */
const GAPS = [
  { ms: 0.05, words: "" },
  { ms: 40, words: ", knocks 40 ms apart" },
] as const;

const CROWDS = [1, 10, 100, 1_000];

/** The gap of knocks only matters where several clients are between theirs. */
function gapsOf(clients: number) {
  return clients < 100 ? GAPS.slice(0, 1) : GAPS;
}

function orderOf(openings: readonly Opening[], gapMs: number): CrowdOrder {
  return {
    clients: openings.map((opening) => ({
      source: opening.source,
      knocks: opening.knocks.map((knock) => knock.toBase64()),
      completes: opening.completes,
      syn: probeSyn(opening),
      startMs: openings.length === 1 ? 0 : Math.random() * SPAN_MS,
    })),
    gapMs,
    everyMs: EVERY_MS,
    patienceMs: PATIENCE_MS,
  };
}

async function send(stage: Stage, order: CrowdOrder): Promise<CrowdAnswer> {
  const inNamespace = ["ip", "netns", "exec", stage.lab.namespace("client")];
  const child = spawn([...inNamespace, ...AS_SENDER, process.execPath, CROWD, "eth0"], {
    stdin: Buffer.from(JSON.stringify(order)),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if (out === "") throw new Error(`The crowd failed: ${err}`);
  return JSON.parse(out) as CrowdAnswer;
}

function figuresOf(answers: readonly CrowdAnswer[]): Record<string, number> {
  const all = answers.flatMap(({ openedMs }) => openedMs);
  const times = all.flatMap((ms) => ms ?? []);
  return {
    tried: all.length,
    opened: times.length,
    openedPercent: rounded((100 * times.length) / all.length),
    ...(times.length > 0
      ? { medianMs: rounded(quantile(times, 0.5)), p99Ms: rounded(quantile(times, 0.99)) }
      : {}),
  };
}

/** One contestant, every crowd; a start of its own, so that one crowd's backlog is not the next one's. */
async function crowd(
  contestant: Contestant,
  clients: number,
  gap: (typeof GAPS)[number],
  times: number,
): Promise<Row> {
  using stage = await Stage.set([SERVICE_PORT]);
  // Long grants: a client that was let in stays in until it is counted.
  await using running = await contestant.start(stage, {
    // sallyport's users knock once a slot; the others are fastest with a single key.
    users: isSallyport(contestant) ? clients * times : 1,
    openSeconds: 2 * (PATIENCE_MS / 1_000),
  });
  const answers: CrowdAnswer[] = [];
  for (let i = 0; i < times; i++) {
    const openings = await running.prepare(stage.sources(clients));
    answers.push(await send(stage, orderOf(openings, gap.ms)));
  }
  return {
    contestant: contestant.name,
    condition: counted(clients, "client") + gap.words,
    figures: figuresOf(answers),
  };
}

async function measure({ quick, contestants, log }: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const clients of quick ? [5] : CROWDS) {
    for (const gap of quick ? GAPS.slice(0, 1) : gapsOf(clients)) {
      log(counted(clients, "client") + gap.words);
      // A share of one client is nothing: small crowds come several times.
      const times = quick ? 1 : Math.max(1, 20 / clients);
      for (const contestant of contestants) {
        rows.push(await crowd(contestant, clients, gap, times));
      }
    }
  }
  return rows;
}

const CONDITIONS = CROWDS.flatMap((clients) =>
  gapsOf(clients).map(({ words }) => counted(clients, "client") + words),
);

export const crowds: Measure = {
  id: "B5",
  title: "Crowd",
  how: `clients of different addresses begin to knock within one second, once and without a retry, and try to connect after ${EVERY_MS[0]} ms, twice that, and so on to every ${EVERY_MS[1]} ms; who is not let in within ${PATIENCE_MS / 1_000} s is not`,
  compare: "openedPercent",
  targets: CONDITIONS.map((condition) => ({
    contestant: "sallyport",
    condition,
    figure: "openedPercent",
    atLeast: 100,
  })),
  measure,
};
