/**
 * B7: the cost of many living grants: time to open, and each packet on its way through the guard.
 */

import { type Contestant, type Running, SERVICE_PORT, isSallyport } from "../contestant.ts";
import { rounded } from "../figures.ts";
import type { Place } from "../line-up.ts";
import { withGrants } from "../living-grants.ts";
import type { Bench, Measure, Row } from "../measure.ts";
import { openInRounds, openingFigures } from "../rounds.ts";
import { Stage } from "../stage.ts";
import { counted, type Variant, Variants, withRatios } from "../variants.ts";
import { Wire } from "../../torture/wire.ts";

const FULL = { rounds: 5, openingsEach: 20, grants: [10, 10_000, 60_000], packets: 30_000 };
const QUICK = { rounds: 1, openingsEach: 2, grants: [300], packets: 2_000 };

/** Repeats of each flood. The least counts, since other work on the machine only adds to it. */
const FLOODS = 3;

/** Different senders in one flood: more than a processor's nearest cache holds entries of. */
const SENDERS = 4_096;

/**
 * Behind every guard: packets that pass it are dropped here, so that no TCP, no service and no
 * answer is in the measurement; denied packets never come here.
 */
const SINK = `table inet sink {
  chain input { type filter hook input priority 100; tcp dport ${SERVICE_PORT} drop; }
}
`;

/** fwknopd holds a rule for each grant, which each packet is compared with. */
const MOST_RULES = 10_000;

/**
 * Nanoseconds of a sender that is alone: the bridge, the guard and the answers run on its
 * processor.
 */
async function packetNs(stage: Stage, senders: readonly string[], count: number): Promise<number> {
  const wire = new Wire(stage.lab);
  const frames = senders
    .slice(0, SENDERS)
    .map((from) => stage.frame({ from, port: SERVICE_PORT, sourcePort: 1_024 }));
  const times: number[] = [];
  for (let i = 0; i < FLOODS; i++) {
    const { sent, seconds } = await wire.send("client", frames, { count });
    times.push((seconds * 1e9) / sent);
  }
  return Math.min(...times);
}

/** The cost of the way to the sink without a guard. */
async function bareNs(count: number): Promise<number> {
  using stage = await Stage.set([]);
  stage.lab.run("server", ["nft", "-f", "-"], { input: SINK });
  return await packetNs(stage, stage.sources(SENDERS), count);
}

async function guardFigures(
  { stage }: Place,
  granted: readonly string[],
  count: number,
  bare: number,
): Promise<Record<string, number>> {
  stage.lab.run("server", ["nft", "-f", "-"], { input: SINK });
  const accepted = await packetNs(stage, granted, count);
  const denied = await packetNs(stage, stage.sources(SENDERS), count);
  stage.lab.run("server", ["nft", "delete", "table", "inet", "sink"]);
  return { acceptedNs: rounded(accepted - bare), deniedNs: rounded(denied - bare) };
}

function variantsOf(
  contestants: readonly Contestant[],
  grants: readonly number[],
  users: number,
  given: (running: Running, sources: readonly string[]) => void,
): { readonly variants: Variant[]; readonly left: Row[] } {
  const variants: Variant[] = [];
  const left: Row[] = [];
  for (const contestant of contestants) {
    for (const count of grants) {
      const condition = counted(count, "grant");
      if (contestant.name.startsWith("fwknopd") && count > MOST_RULES) {
        const note = "a rule for each grant, which each packet is compared with: not tried";
        left.push({ contestant: contestant.name, condition, figures: {}, note });
        continue;
      }
      const own = isSallyport(contestant) ? users : 1;
      const setup = { users: own, openSeconds: 2 };
      variants.push({ ...withGrants(contestant, count, given), condition, setup });
    }
  }
  return { variants, left };
}

async function measure({ quick, contestants, log }: Bench): Promise<Row[]> {
  const { rounds, openingsEach, grants, packets } = quick ? QUICK : FULL;
  const granted = new Map<Running, readonly string[]>();
  const { variants, left } = variantsOf(
    contestants,
    grants,
    rounds * openingsEach,
    (running, sources) => granted.set(running, sources),
  );
  const bare = await bareNs(packets);
  log("starting everyone");
  await using all = await Variants.start(variants);
  log("openings");
  const tallies = await openInRounds(all.lineUp, { rounds, openingsEach }, () => ({
    leadMs: quick ? 0 : 500,
    restMs: [5, 15],
  }));
  log("packets");
  const rows: Row[] = [];
  await all.lineUp.each(async (place) => {
    const { answers } = tallies.find((tally) => tally.place === place)!;
    const guard = await guardFigures(place, granted.get(place.running)!, packets, bare);
    rows.push({
      contestant: place.contestant.name,
      condition: all.of(place).condition,
      figures: { ...openingFigures(answers), ...guard },
    });
  });
  return [...withRatios(rows), ...left];
}

const MOST = counted(60_000, "grant");

export const manyGrants: Measure = {
  id: "B7",
  title: "Many grants",
  how:
    "addresses of their own hold the grants; openings as in B1; then SYNs of their holders and of others as fast as one " +
    "processor sends: nanoseconds a packet beyond those of a wire without any guard, the reset for a denied one included",
  compare: "medianMs",
  targets: [{ contestant: "sallyport", condition: MOST, figure: "timesFewest", atMost: 1.5 }],
  measure,
};
