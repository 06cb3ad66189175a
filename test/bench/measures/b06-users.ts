/** B6: the cost of many users: time to open, packets, memory, and knocks during a slot change. */

import { portsNeeded } from "../../../src/rks/bound.ts";
import { DEFAULT_SPACE } from "../../../src/rks/space.ts";
import { type Contestant, type Setup, isSallyport } from "../contestant.ts";
import { median, rounded } from "../figures.ts";
import type { Place } from "../line-up.ts";
import type { Bench, Measure, Row } from "../measure.ts";
import { cpuNsOf, residentOf } from "../process.ts";
import { openInRounds, openingFigures, type Tally } from "../rounds.ts";
import { counted, type Variant, Variants, withRatios } from "../variants.ts";
import { acrossSlotChange } from "./b06-slot-change.ts";

/** One user knocks once a slot; a hundred are the fewest that can knock often enough to be measured. */
const FULL = {
  rounds: 5,
  openingsEach: 20,
  users: [100, 1_000, 100_000],
  floods: 3,
  cpuSeconds: 2,
} as const;
const QUICK = { rounds: 1, openingsEach: 2, users: [200], floods: 1, cpuSeconds: 0.2 } as const;

/** Enough that waking up is not measured; a contestant without a free processor shows 10 µs. */
const PACKETS_PER_SECOND = 100_000;

/**
 * It was stopped while others were measured; this is for the sequences that it did not derive
 * meanwhile.
 */
const SETTLE_MS = 1_000;

/** The smallest `ports` that the forgery bound allows for so many users at one door. */
function portsFor(users: number): number {
  return portsNeeded([{ door: "door0", devices: users, space: DEFAULT_SPACE }])!;
}

/** The set-up of a contestant, or why it takes no part. */
function setupOf(contestant: Contestant, users: number): Setup | string {
  const { name } = contestant;
  if (name === "nft") return "it knows no users";
  if (isSallyport(contestant)) return { users, knock: { ports: portsFor(users) } };
  // Each packet would be tried against every stanza; each knock against every door.
  if (users > 1_000) return "its work grows with every user: not tried";
  return name === "knockd" ? { users, doors: users } : { users };
}

/** Microseconds of CPU time for each packet of a flood through the knock range. */
async function packetUs({ stage, running }: Place, seconds: number): Promise<number> {
  const before = cpuNsOf(running.pids);
  const { sent } = await stage.flood(running.heard(PACKETS_PER_SECOND), { seconds });
  return (cpuNsOf(running.pids) - before) / 1_000 / sent;
}

/** Of a flood, for each packet. */
interface Cost {
  readonly beginningUs: number;
  readonly lastingUs: number;
}

function figuresOf({ place, answers }: Tally, costs: readonly Cost[]): Record<string, number> {
  const { rss, anonymous } = residentOf(place.running.pids);
  return {
    ...openingFigures(answers),
    cpuUsPerPacket: rounded(median(costs.map(({ lastingUs }) => lastingUs))),
    cpuUsBeginning: rounded(median(costs.map(({ beginningUs }) => beginningUs))),
    residentMB: rounded(rss / 1e6),
    anonymousMB: rounded(anonymous / 1e6),
  };
}

async function measure(bench: Bench): Promise<Row[]> {
  const { quick, contestants, log } = bench;
  const { rounds, openingsEach, users, floods, cpuSeconds } = quick ? QUICK : FULL;
  const variants: Variant[] = [];
  const left: Row[] = [];
  for (const contestant of contestants) {
    for (const count of users) {
      const setup = setupOf(contestant, count);
      const condition = counted(count, "user");
      if (typeof setup !== "string") variants.push({ ...contestant, condition, setup });
      else left.push({ contestant: contestant.name, condition, figures: {}, note: setup });
    }
  }
  const rows: Row[] = [];
  {
    log("starting everyone");
    await using all = await Variants.start(variants);
    log("openings");
    const leadMs = quick ? 0 : SETTLE_MS;
    const tallies = await openInRounds(all.lineUp, { rounds, openingsEach }, () => ({
      leadMs,
      restMs: [5, 15],
    }));
    log("packets");
    const costs = new Map<Place, Cost[]>();
    for (let flood = 0; flood < floods; flood++) {
      await all.lineUp.each(async (place) => {
        await Bun.sleep(leadMs);
        // When a flood begins, the engine still compiles what floods run.
        const beginningUs = await packetUs(place, cpuSeconds);
        const lastingUs = await packetUs(place, 2 * cpuSeconds);
        costs.set(place, [...(costs.get(place) ?? []), { beginningUs, lastingUs }]);
      });
    }
    for (const [place, cost] of costs) {
      const tally = tallies.find((each) => each.place === place)!;
      const figures = figuresOf(tally, cost);
      rows.push({ contestant: place.contestant.name, condition: all.of(place).condition, figures });
    }
  }
  return [
    ...withRatios(rows),
    ...left,
    ...(await acrossSlotChange(bench, users.slice(-2), portsFor)),
  ];
}

const MOST = counted(100_000, "user");

export const manyUsers: Measure = {
  id: "B6",
  title: "Many users",
  how:
    "one door, all users may open it; openings as in B1, then random SYNs in the knock range at 100,000 a second (medians of three " +
    "floods: of the first two seconds, in which the engine still compiles, and of the four that follow), then openings without a pause while the slot changes. sallyport has the ports that its forgery bound asks of so " +
    "many keys; knockd a door for each user, fwknopd an access stanza. queuedMs is what the daemon's threads waited for a " +
    "processor during all openings of a row: what other processes of the machine add",
  compare: "medianMs",
  targets: [
    { contestant: "sallyport", condition: MOST, figure: "timesFewest", atMost: 1.5 },
    { contestant: "sallyport", condition: MOST, figure: "residentMB", atMost: 200 },
    {
      contestant: "sallyport",
      condition: `${MOST}, the slot changes`,
      figure: "longestMs",
      atMost: 2,
    },
  ],
  measure,
};
