/** B10: the cost of a daemon while nobody knocks, and how soon after its start it is ready. */

import { type Contestant, SERVICE_PORT, isSallyport } from "../contestant.ts";
import type { RunningSallyport } from "../contestants/sallyport.ts";
import { quantile, rounded } from "../figures.ts";
import type { Bench, Measure, Row } from "../measure.ts";
import { countSwitches, cpuNsOf, switchesSince } from "../process.ts";
import { Stage } from "../stage.ts";

/** The runtime's own collector looks every second for the first half minute. */
const FULL = { settleMs: 45_000, seconds: 30, starts: 10 };
const QUICK = { settleMs: 500, seconds: 1, starts: 1 };

async function silence(
  contestant: Contestant,
  { settleMs, seconds }: typeof FULL,
): Promise<Record<string, number>> {
  using stage = await Stage.set([SERVICE_PORT]);
  await using running = await contestant.start(stage, { users: 10 });
  await Bun.sleep(settleMs);
  const [cpu, switches, began] = [
    cpuNsOf(running.pids),
    countSwitches(running.pids),
    performance.now(),
  ];
  await Bun.sleep(seconds * 1_000);
  const woken = switchesSince(switches, countSwitches(running.pids));
  const cpuMs = (cpuNsOf(running.pids) - cpu) / 1e6;
  const passed = (performance.now() - began) / 1_000;
  return { wakeupsPerSecond: rounded(woken / passed), cpuMsPerSecond: rounded(cpuMs / passed) };
}

/** Milliseconds from the start of the process until it reports that it listens and guards. */
async function startMs(contestant: Contestant): Promise<number> {
  using stage = await Stage.set([]);
  if (!isSallyport(contestant)) {
    const began = performance.now();
    await using _ = await contestant.start(stage, { users: 10 });
    return performance.now() - began;
  }
  await using running = (await contestant.start(stage, { users: 10 })) as RunningSallyport;
  return await running.bootMs();
}

async function measure({ quick, contestants, log }: Bench): Promise<Row[]> {
  const scale = quick ? QUICK : FULL;
  const daemons = contestants.filter(({ name }) => name !== "nft");
  // All at once: one core is left for those who sleep, and their wake-ups do not depend on others.
  log("silence");
  const silent = await Promise.all(daemons.map((contestant) => silence(contestant, scale)));
  const starts = daemons.map((): number[] => []);
  for (let i = 0; i < scale.starts; i++) {
    log(`start ${i + 1} of ${scale.starts}`);
    for (const [j, contestant] of daemons.entries()) starts[j]!.push(await startMs(contestant));
  }
  const rows = daemons.map(({ name }, i): Row => {
    const ready = { readyMs: rounded(quantile(starts[i]!, 0.5)) };
    return { contestant: name, condition: "idle", figures: { ...silent[i]!, ...ready } };
  });
  if (daemons.length === contestants.length) return rows;
  return [
    ...rows,
    { contestant: "nft", condition: "idle", figures: {}, note: "no process: nothing to wake" },
  ];
}

export const idle: Measure = {
  id: "B10",
  title: "Idle",
  how:
    `${FULL.seconds} s of silence, ${FULL.settleMs / 1_000} s after the start: context switches of all threads together, and CPU time; ` +
    `then the median of ${FULL.starts} starts, from starting the process to its word that it is ready, with 10 keys (the peers' time ` +
    "includes writing their configuration and, of fwknopd, 300 ms that it takes to attach without telling)",
  compare: "wakeupsPerSecond",
  targets: [
    { contestant: "sallyport", condition: "idle", figure: "wakeupsPerSecond", atMost: 2 },
    { contestant: "sallyport", condition: "idle", figure: "readyMs", atMost: 150 },
  ],
  measure,
};
