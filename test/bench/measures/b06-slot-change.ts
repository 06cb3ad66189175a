/**
 * Knocks during a slot change: any pause of the data plane shows as a door that opens late. As many in
 * the middle of a slot show what the machine does anyway.
 */

import { slotAt, slotStartMs } from "../../../src/rks/slot.ts";
import { DEFAULT_SPACE, SPACE_LIMITS } from "../../../src/rks/space.ts";
import { type Contestant, isSallyport, type Running, SERVICE_PORT } from "../contestant.ts";
import { quantile, rounded } from "../figures.ts";
import type { Bench, Row } from "../measure.ts";
import type { Opened } from "../probe.ts";
import { queuedNsOf } from "../process.ts";
import { Stage } from "../stage.ts";
import { counted } from "../variants.ts";

/** The shortest slot there is: the more often it changes, the less one has to wait for it. */
const STEP_SECONDS = SPACE_LIMITS.stepSeconds.min;

/** Openings in a row take half a millisecond each: begun here, they are well on their way when the slot ends. */
const LEAD_MS = 300;

/** A thousand knocks are made in less; a sequence is as good in the slot that follows. */
const PREPARE_MS = 2_000;

/** As many as one user each can make in the slot; about a second of them. */
const DENSE = 1_000;

/** Spread over the slot that follows: what is derived then must not be felt either. */
const SPARSE = { openings: 400, restMs: [10, 30] } as const;

/** The first change of a slot with time before it to make ready. */
function nextChangeMs(): number {
  const ready = Date.now() + PREPARE_MS + LEAD_MS;
  return slotStartMs(slotAt(ready, STEP_SECONDS) + 1, STEP_SECONDS);
}

async function sleepUntil(wallMs: number): Promise<void> {
  await Bun.sleep(Math.max(0, wallMs - Date.now()));
}

/** Openings in a row from that moment on; 0: at once. */
async function denseOpenings(stage: Stage, running: Running, count: number, atMs: number) {
  await sleepUntil(atMs - PREPARE_MS);
  const openings = await running.prepare(stage.sources(count));
  await sleepUntil(atMs);
  // No gap between knocks: a pause that falls into one would be hidden by it.
  const { opened } = await stage.prober.open(openings, { gapUs: 0, restMs: [0, 0] });
  return opened;
}

async function sparseOpenings(stage: Stage, running: Running, count: number): Promise<Opened[]> {
  const portion = 50;
  const opened: Opened[] = [];
  for (let done = 0; done < count; done += portion) {
    const openings = await running.prepare(stage.sources(Math.min(portion, count - done)));
    const answer = await stage.prober.open(openings, { gapUs: 0, restMs: SPARSE.restMs });
    opened.push(...answer.opened);
  }
  return opened;
}

function figuresOf(opened: readonly Opened[]): Record<string, number> {
  const times = opened.flatMap(({ us }) => us ?? []).map((us) => us / 1_000);
  return {
    tried: opened.length,
    opened: times.length,
    openedPercent: rounded((100 * times.length) / opened.length),
    ...(times.length > 0
      ? {
          medianMs: rounded(quantile(times, 0.5)),
          p99Ms: rounded(quantile(times, 0.99)),
          longestMs: rounded(quantile(times, 1)),
        }
      : {}),
  };
}

interface Scale {
  /** Changes, and middles in turn with them. */
  readonly turns: number;
  readonly dense: number;
  readonly sparse: number;
  readonly settleMs: number;
  /** Does not wait for the slot to change: only proves that the measure works. */
  readonly atOnce: boolean;
}

const QUICK: Scale = { turns: 1, dense: 20, sparse: 5, settleMs: 500, atOnce: true };
const FULL: Scale = {
  turns: 3,
  dense: DENSE,
  sparse: SPARSE.openings,
  // All slots that one window reaches are derived by then.
  settleMs: DEFAULT_SPACE.windowSeconds * 1_000,
  atOnce: false,
};

async function rowsOf(
  contestant: Contestant,
  users: number,
  ports: number,
  { turns, dense, sparse, settleMs, atOnce }: Scale,
): Promise<Row[]> {
  using stage = await Stage.set([SERVICE_PORT]);
  const knock = { ports, stepSeconds: STEP_SECONDS };
  await using running = await contestant.start(stage, { users, knock });
  await Bun.sleep(settleMs);
  const count = Math.min(dense, users);
  const change = async () => {
    const atMs = atOnce ? 0 : nextChangeMs() - LEAD_MS;
    const opened = await denseOpenings(stage, running, count, atMs);
    return [...opened, ...(await sparseOpenings(stage, running, Math.min(sparse, users)))];
  };
  const middle = async () => {
    const atMs = atOnce ? 0 : nextChangeMs() + (STEP_SECONDS * 1_000) / 2;
    return await denseOpenings(stage, running, count, atMs);
  };
  const kinds = [
    { when: "the slot changes", open: change },
    { when: "in the middle of a slot", open: middle },
  ].map((kind) => ({ ...kind, opened: [] as Opened[], queuedNs: 0 }));
  for (let turn = 0; turn < turns; turn++) {
    for (const kind of kinds) {
      const queuedNs = queuedNsOf(running.pids);
      kind.opened.push(...(await kind.open()));
      kind.queuedNs += queuedNsOf(running.pids) - queuedNs;
    }
  }
  return kinds.map(({ when, opened, queuedNs }) => ({
    contestant: contestant.name,
    condition: `${counted(users, "user")}, ${when}`,
    figures: { ...figuresOf(opened), queuedMs: rounded(queuedNs / 1e6) },
  }));
}

/** Only sallyport: the knocks of the others do not change with time. */
export async function acrossSlotChange(
  { quick, contestants, log }: Bench,
  counts: readonly number[],
  portsFor: (users: number) => number,
): Promise<Row[]> {
  const scale = quick ? QUICK : FULL;
  const rows: Row[] = [];
  for (const contestant of contestants.filter(isSallyport)) {
    for (const users of quick ? counts.slice(-1) : counts) {
      log(`the slot changes, ${counted(users, "user")}`);
      rows.push(...(await rowsOf(contestant, users, portsFor(users), scale)));
    }
  }
  return rows;
}
