/** Runs a capture file through decode and match with a firewall that only records its changes. */

import { openCaptureFile } from "../capture/file.ts";
import type { FrameSink } from "../capture/frame-source.ts";
import { type Address, sameAddress } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import { Counters } from "../core/counters.ts";
import type { DaemonEvent } from "../core/events.ts";
import { SallyportError } from "../core/errors.ts";
import { emptyKnock, type Knock } from "../core/knock.ts";
import { decodeFrame } from "../decode/frame.ts";
import { RecordingFirewall } from "../firewall/recorder.ts";
import { Matcher } from "../match/matcher.ts";
import { readConfiguration } from "../control-plane/configuration.ts";
import { Doorkeeper } from "../data-plane/doorkeeper.ts";
import { Ledger } from "../data-plane/ledger.ts";
import { UsedKnocks } from "../control-plane/explain/used-knocks.ts";
import { describeEvent } from "../control-plane/log.ts";
import { ReplayMisses } from "./replay-misses.ts";

/** Frames read at a time. */
const BATCH = 1_024;

export interface ReplayReport {
  readonly frames: number;
  readonly knocks: number;
  /** The sentences that a daemon would have logged, in order. */
  readonly events: readonly { readonly atMs: number; readonly sentence: string }[];
  readonly opened: number;
  /** For each try that came close to opening a door: how close, and what it missed. */
  readonly nearMisses: readonly string[];
  /** One sentence for each kind of content in the file that could not be judged. */
  readonly remarks: readonly string[];
  /** Why the file was read no further, as a sentence: the rest is about the frames before. Absent where all was read. */
  readonly damage?: string;
}

/**
 * `to` limits it to packets for that address; without it, every packet counts as addressed to this
 * machine. The packets' own times are the clock, so an old capture is judged by its own slots. Throws a SallyportError
 * where nothing could be read.
 */
export function replay(file: string, configFile: string, to?: Address): ReplayReport {
  const { plan } = readConfiguration(configFile);
  using source = openCaptureFile(file);
  const counters = new Counters();
  const knock = emptyKnock();
  const clock: Clock = { wallMs: () => knock.timeMs, monotonicMs: () => knock.timeMs };
  const events: DaemonEvent[] = [];
  const used = new UsedKnocks();
  const keeper = new Doorkeeper(plan.doors, {
    firewall: new RecordingFirewall(() => clock.wallMs()),
    ledger: new Ledger(),
    counters,
    clock,
    emit: (event) => {
      events.push(event);
      used.hear(event);
    },
  });
  const matcher = new Matcher({ rotating: plan.rotating, fixed: plan.fixed }, keeper);
  const misses = new ReplayMisses(plan, matcher, used);
  let frames = 0;
  let undated = 0;
  const sink: FrameSink = (frame, offset, length, timeMs, linkType) => {
    frames++;
    if (!decodeFrame(linkType, frame, offset, length, knock)) return;
    if (to !== undefined && !sameAddress(destination(knock), to)) return;
    counters.add("knocks");
    if (Number.isNaN(timeMs)) {
      undated++;
      return;
    }
    knock.timeMs = timeMs;
    keeper.expire();
    matcher.feed(knock);
    misses.note(knock);
  };
  let damage: string | undefined;
  try {
    while (source.drain(sink, BATCH) > 0);
  } catch (error) {
    if (!(error instanceof SallyportError) || frames === 0) throw error;
    damage = error.message;
  }
  const opened = events.flatMap((event) => (event.type === "grant.opened" ? [event.grant] : []));
  return {
    frames,
    knocks: counters.get("knocks"),
    events: events.map((event) => ({ atMs: event.atMs, sentence: describeEvent(event).sentence })),
    opened: opened.length,
    nearMisses: misses.finish(),
    remarks: [...undatedRemark(undated), ...source.remarks()],
    ...(damage !== undefined && { damage }),
  };
}

function undatedRemark(knocks: number): string[] {
  if (knocks === 0) return [];
  const whose = knocks === 1 ? "1 knock has" : `${knocks} knocks have`;
  return [
    `${whose} no time in the file, or an impossible one: what they would have opened depends on it`,
  ];
}

function destination({ family, d0, d1, d2, d3 }: Knock): Address {
  return { family, a0: d0, a1: d1, a2: d2, a3: d3 };
}
