/** B4: what a packet costs the daemon, in processor time of all its threads. */

import { USERS } from "../contestant.ts";
import { median, rounded } from "../figures.ts";
import { LineUp, type Place } from "../line-up.ts";
import { type Load, scatter } from "../load/load.ts";
import type { Bench, Measure, Row } from "../measure.ts";
import { countSwitches, cpuNsOf, switchesSince } from "../process.ts";

/** Not of any sequence, range or service here. */
const ELSEWHERE = 5_000;

/** After a flood, for the packets still queued. */
const SETTLE_MS = 300;

interface Rate {
  readonly name: string;
  readonly load: (place: Place) => Load;
}

const RATES: readonly Rate[] = [
  { name: "heard, 10,000/s", load: ({ running }) => running.heard(10_000) },
  { name: "heard, 100,000/s", load: ({ running }) => running.heard(100_000) },
  { name: "heard, full rate", load: ({ running }) => running.heard(null) },
  {
    name: "other ports, full rate",
    load: ({ stage }) =>
      scatter(stage.frame({ from: "11.0.0.1", port: ELSEWHERE }), [ELSEWHERE, ELSEWHERE]),
  },
];

interface Sample {
  readonly cpuUsPerPacket: number;
  readonly framesPerSecond: number;
  /** Share of one processor. */
  readonly busy: number;
  /** Of all threads: a wake-up costs as much as dozens of packets. */
  readonly wakeUpsPerSecond: number;
  readonly missed: number | undefined;
}

async function sample(place: Place, { load }: Rate, seconds: number): Promise<Sample> {
  const { stage, running } = place;
  const missed = await running.missed?.();
  const before = cpuNsOf(running.pids);
  const switches = countSwitches(running.pids);
  const sent = await stage.flood(load(place), { seconds });
  await Bun.sleep(SETTLE_MS);
  const cpuUs = (cpuNsOf(running.pids) - before) / 1_000;
  const wakeUps = switchesSince(switches, countSwitches(running.pids));
  const missedNow = await running.missed?.();
  return {
    cpuUsPerPacket: cpuUs / sent.sent,
    framesPerSecond: sent.sent / sent.seconds,
    busy: cpuUs / 1e6 / (sent.seconds + SETTLE_MS / 1_000),
    wakeUpsPerSecond: wakeUps / (sent.seconds + SETTLE_MS / 1_000),
    missed:
      missed === undefined || missedNow === undefined
        ? undefined
        : (missedNow - missed) / sent.sent,
  };
}

function figuresOf(samples: readonly Sample[]): Record<string, number> {
  const of = (pick: (sample: Sample) => number) => rounded(median(samples.map(pick)));
  const missed = samples.flatMap((one) => one.missed ?? []);
  return {
    cpuUsPerPacket: of((one) => one.cpuUsPerPacket),
    busyShareOfCore: of((one) => one.busy),
    wakeUpsPerSecond: of((one) => one.wakeUpsPerSecond),
    framesPerSecond: of((one) => one.framesPerSecond),
    ...(missed.length > 0 ? { missedOfFlood: rounded(median(missed)) } : {}),
  };
}

async function measure({ quick, contestants }: Bench): Promise<Row[]> {
  const rounds = quick ? 1 : 3;
  const seconds = quick ? 0.2 : 2;
  const withDaemon = contestants.filter(({ name }) => name !== "nft");
  await using lineUp = await LineUp.of(withDaemon, () => ({ users: USERS }));
  const samples = new Map<string, { place: Place; rate: Rate; all: Sample[] }>();
  for (let round = 0; round < rounds; round++) {
    await lineUp.each(async (place) => {
      for (const rate of RATES) {
        const key = `${place.contestant.name} ${rate.name}`;
        if (!samples.has(key)) samples.set(key, { place, rate, all: [] });
        samples.get(key)!.all.push(await sample(place, rate, seconds));
      }
    });
  }
  const rows: Row[] = [...samples.values()].map(({ place, rate, all }) => ({
    contestant: place.contestant.name,
    condition: rate.name,
    figures: figuresOf(all),
  }));
  const kernel = contestants.filter(({ name }) => name === "nft");
  return [
    ...rows,
    ...kernel.map(({ name }) => ({
      contestant: name,
      condition: RATES[0]!.name,
      figures: {},
      note: "no user space: its work is part of receiving the packet",
    })),
  ];
}

export const cpuPerPacket: Measure = {
  id: "B4",
  title: "CPU per packet",
  how: "user and system time of the daemon ÷ frames sent: what its filter passes (sallyport: the whole range, knockd: a port of its sequence that begins no attempt, fwknopd: datagrams to its port), and ports it has nothing to do with",
  compare: "cpuUsPerPacket",
  targets: [
    {
      contestant: "sallyport",
      condition: "heard, full rate",
      figure: "cpuUsPerPacket",
      atMost: 2,
    },
    {
      contestant: "sallyport",
      condition: "other ports, full rate",
      figure: "cpuUsPerPacket",
      atMost: 0.05,
    },
  ],
  measure,
};
