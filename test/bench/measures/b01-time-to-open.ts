/** B1: how soon after the last knock a connection is let in, on an otherwise idle machine. */

import { USERS } from "../contestant.ts";
import { bare } from "../contestants/bare.ts";
import { LineUp } from "../line-up.ts";
import type { Bench, Measure, Row } from "../measure.ts";
import { openInRounds, openingFigures } from "../rounds.ts";

async function measure({ quick, contestants }: Bench): Promise<Row[]> {
  const rounds = quick ? 1 : 10;
  const openingsEach = quick ? 3 : 20;
  await using lineUp = await LineUp.of([...contestants, bare], () => ({ users: USERS }));
  const tallies = await openInRounds(lineUp, { rounds, openingsEach });
  return tallies.map(({ place: { contestant }, answers }) => ({
    contestant: contestant.name,
    condition: "idle",
    figures: openingFigures(answers),
  }));
}

export const timeToOpen: Measure = {
  id: "B1",
  title: "Time to open",
  how: "from sending the last knock to sending the first SYN that is accepted, one SYN every 50 µs, each opening from another address; bare is a process that a datagram wakes to listen on the port, and does nothing else",
  compare: "medianMs",
  targets: [
    { contestant: "sallyport", condition: "idle", figure: "medianMs", atMost: 0.25 },
    { contestant: "sallyport", condition: "idle", figure: "p99Ms", atMost: 2 },
  ],
  measure,
};
