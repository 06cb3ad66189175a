/** A server's day in less time: hostile traffic, honest knocks, and what people and programs do, side by side. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RunningSallyport } from "../bench/contestants/sallyport.ts";
import { SERVICE_PORT } from "../bench/contestant.ts";
import { median } from "../bench/figures.ts";
import { writeHour } from "../bench/hour.ts";
import type { Opened } from "../bench/probe.ts";
import { residentOf } from "../bench/process.ts";
import { startReplay, STAGE_HOUR } from "../bench/replayed.ts";
import { Stage } from "../bench/stage.ts";
import { deedsOf } from "./deeds.ts";
import { type Holdings, lookAt } from "./sample.ts";

export interface DayOptions {
  /** Real time. */
  readonly minutes: number;
  /** How much faster than on a real server the hostile traffic is. */
  readonly speed: number;
  readonly samples: number;
  readonly log: (sentence: string) => void;
}

export interface Sample extends Holdings {
  /** Real seconds since the start. */
  readonly atSeconds: number;
  /** The openings since the sample before. */
  readonly opened: readonly Opened[];
}

export interface Day {
  readonly samples: readonly Sample[];
  readonly framesSent: number;
  /** How often each deed was done. */
  readonly done: ReadonlyMap<string, number>;
  /** Frames that the kernel dropped before the daemon saw them. */
  readonly missed: number;
}

/** More than knock within a slot. */
const USERS = 300;
const OPENINGS = 3;
const REST_MS = [300, 900] as const;
/** Memory goes up and down with each reload, a minute apart: looks must not keep step with them. */
const MEMORY_MS = 1_700;
const HOUR_SECONDS = 3_600;
/** How many hours differ from one another. */
const HOURS = 2;

/** Two different hours in turns, until it is over: every quarter of eight hours has the same traffic. */
async function attack(stage: Stage, dir: string, endMs: number, speed: number): Promise<number> {
  let sent = 0;
  for (let hour = 1; performance.now() < endMs; hour++) {
    const seconds = Math.min(
      HOUR_SECONDS,
      Math.ceil(((endMs - performance.now()) / 1_000) * speed),
    );
    const file = join(dir, `hour-${hour}.pcap`);
    writeHour(file, { ...STAGE_HOUR, seconds, seed: 1 + (hour % HOURS) });
    sent += (await startReplay(stage, file, speed)).sent;
    rmSync(file);
  }
  return sent;
}

/** Does each deed at its pace. Rejects with the first that failed. */
async function live(
  deeds: ReturnType<typeof deedsOf>,
  endMs: number,
  done: Map<string, number>,
): Promise<void> {
  const dueMs = new Map(deeds.map((deed) => [deed, performance.now() + deed.everySeconds * 1_000]));
  while (performance.now() < endMs) {
    for (const [deed, due] of dueMs) {
      if (performance.now() < due) continue;
      await deed.do();
      done.set(deed.name, (done.get(deed.name) ?? 0) + 1);
      dueMs.set(deed, performance.now() + deed.everySeconds * 1_000);
    }
    await Bun.sleep(200);
  }
}

type Memory = Pick<Holdings, "rss" | "anonymous" | "file">;

/** Looks until that moment, of performance.now(). */
async function watchMemory(pid: number, untilMs: number): Promise<Memory[]> {
  const looks: Memory[] = [];
  for (;;) {
    const leftMs = untilMs - performance.now();
    await Bun.sleep(Math.max(0, Math.min(leftMs, MEMORY_MS)));
    if (leftMs <= MEMORY_MS) return looks;
    looks.push(residentOf([pid]));
  }
}

function medianOf(looks: readonly Memory[]): Memory {
  const of = (kind: keyof Memory) => median(looks.map((look) => look[kind]));
  return { rss: of("rss"), anonymous: of("anonymous"), file: of("file") };
}

/** Throws where the daemon ends or does not do what it is asked for. */
export async function liveThrough(options: DayOptions): Promise<Day> {
  const dir = mkdtempSync(join(tmpdir(), "sallyport-soak-"));
  const endMs = () => startMs + options.minutes * 60_000;
  using stage = await Stage.set([SERVICE_PORT]);
  await using running = await RunningSallyport.start(stage, { users: USERS });
  const startMs = performance.now();
  const pid = running.server.pid;
  const samples: Sample[] = [];
  const done = new Map<string, number>();
  try {
    let opened: Opened[] = [];
    const knock = async () => {
      while (performance.now() < endMs()) {
        const openings = await running.prepare(stage.sources(OPENINGS));
        const order = { restMs: REST_MS, patienceMs: 2_000 };
        opened.push(...(await stage.prober.open(openings, order)).opened);
      }
    };
    const watch = async () => {
      const everyMs = (options.minutes * 60_000) / options.samples;
      for (let n = 1; n <= options.samples; n++) {
        const looks = await watchMemory(pid, startMs + n * everyMs);
        const atSeconds = (performance.now() - startMs) / 1_000;
        const held = lookAt(stage.lab, pid, running.stateDir);
        const sample = { atSeconds, ...held, ...medianOf([...looks, held]), opened };
        opened = [];
        samples.push(sample);
        options.log(
          `${Math.round(atSeconds)} s: ${Math.round(sample.anonymous / 1e6)} MB of its own`,
        );
      }
    };
    const [framesSent] = await Promise.all([
      attack(stage, dir, endMs(), options.speed),
      live(deedsOf(stage, running), endMs(), done),
      knock(),
      watch(),
    ]);
    return { samples, framesSent, done, missed: await running.missed() };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
