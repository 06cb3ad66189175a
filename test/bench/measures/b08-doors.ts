/** B8: the cost of many doors: time to open, and the rules that packets go through. */

import { type Contestant, SERVICE_PORT, type Setup, isSallyport } from "../contestant.ts";
import type { Place } from "../line-up.ts";
import type { Bench, Measure, Row } from "../measure.ts";
import type { ProbeAnswer } from "../probe.ts";
import { openingFigures } from "../rounds.ts";
import type { Stage } from "../stage.ts";
import { counted, type Variant, Variants, withRatios } from "../variants.ts";

const FULL = { rounds: 5, openingsEach: 20, doors: [1, 100, 1_000] };
const QUICK = { rounds: 1, openingsEach: 2, doors: [10] };

/** Listens on many ports in one process; the kernel answers SYNs, and nobody needs to accept. */
const SERVICES = `
import resource, socket, sys, time
first, count = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 64, count + 64))
listening = []
for port in range(first, first + count):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("", port))
    s.listen(1024)
    listening.append(s)
print("listening", flush=True)
while True: time.sleep(1000)
`;

async function listen(stage: Stage, doors: number): Promise<void> {
  if (doors === 1) return; // the stage has that one
  const argv = ["python3", "-c", SERVICES, String(SERVICE_PORT + 1), String(doors - 1)];
  const child = stage.lab.start("server", argv);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  if (value === undefined) throw new Error(await new Response(child.stderr).text());
}

/** fwknopd reads lines of 1,024 characters, and a port of OPEN_PORTS takes nine of them. */
const FWKNOPD_DOORS = 100;

function setupOf(contestant: Contestant, doors: number, openings: number): Setup | string {
  if (contestant.name.startsWith("fwknopd") && doors > FWKNOPD_DOORS) {
    return "a line of its access.conf does not hold so many ports";
  }
  // Each opening is of another user or door: one user knocks at a door once a slot.
  return { users: isSallyport(contestant) ? Math.ceil(openings / doors) : 1, doors };
}

function countRules(stage: Stage): number {
  const listed = stage.lab.run("server", ["nft", "-j", "list", "ruleset"]).out;
  const { nftables } = JSON.parse(listed) as { nftables: readonly object[] };
  return nftables.filter((object) => "rule" in object).length;
}

/** One opening of each of these doors. */
async function open({ stage, running }: Place, doors: readonly number[]): Promise<ProbeAnswer> {
  const openings = [];
  for (const door of doors) openings.push(...(await running.prepare(stage.sources(1), { door })));
  return await stage.prober.open(openings, { restMs: [5, 15] });
}

/** The doors that openings `from` … `from + count - 1` of `total` go to: spread over all of them. */
function doorsFor(doors: number, from: number, count: number, total: number): number[] {
  const spread = Math.max(1, doors / total);
  return Array.from({ length: count }, (_, i) => Math.floor((from + i) * spread) % doors);
}

async function measure({ quick, contestants, log }: Bench): Promise<Row[]> {
  const { rounds, openingsEach, doors: counts } = quick ? QUICK : FULL;
  const variants: Variant[] = [];
  const left: Row[] = [];
  for (const contestant of contestants) {
    for (const count of counts) {
      const setup = setupOf(contestant, count, rounds * openingsEach);
      const condition = counted(count, "door");
      if (typeof setup !== "string") variants.push({ ...contestant, condition, setup });
      else left.push({ contestant: contestant.name, condition, figures: {}, note: setup });
    }
  }
  log("starting everyone");
  await using all = await Variants.start(variants);
  const answers = new Map<Place, ProbeAnswer[]>();
  const doorsOf = (place: Place) => all.of(place).setup.doors!;
  await all.lineUp.each((place) => listen(place.stage, doorsOf(place)));
  log("openings");
  for (let round = 0; round < rounds; round++) {
    await all.lineUp.each(async (place) => {
      const from = round * openingsEach;
      const doors = doorsFor(doorsOf(place), from, openingsEach, rounds * openingsEach);
      const answer = await open(place, doors);
      answers.set(place, [...(answers.get(place) ?? []), answer]);
    });
  }
  const rows = [...answers].map(([place, own]) => ({
    contestant: place.contestant.name,
    condition: all.of(place).condition,
    figures: { ...openingFigures(own), rules: countRules(place.stage) },
  }));
  return [...withMoreRules(withRatios(rows)), ...left];
}

/** Adds how many rules a contestant has beyond those of its first row. */
function withMoreRules(rows: readonly Row[]): Row[] {
  return rows.map((row) => {
    const first = rows.find(({ contestant }) => contestant === row.contestant)!;
    const moreRules = (row.figures["rules"] ?? 0) - (first.figures["rules"] ?? 0);
    return { ...row, figures: { ...row.figures, moreRules } };
  });
}

const MOST = counted(1_000, "door");

export const manyDoors: Measure = {
  id: "B8",
  title: "Many doors",
  how: "each door has a port, and a service behind it; openings as in B1, each of another door where there are as many; then the kernel's rules are counted",
  compare: "medianMs",
  targets: [
    { contestant: "sallyport", condition: MOST, figure: "timesFewest", atMost: 1.5 },
    { contestant: "sallyport", condition: MOST, figure: "moreRules", atMost: 0 },
  ],
  measure,
};
