/** The metrics: the source and name of each number, and who may read it. */

import type { Control } from "./control.ts";
import { REASONS } from "./control.ts";
import type { Metric } from "./exposition.ts";
import type { CounterName } from "../core/counters.ts";
import { LATENCY_BUCKETS } from "../core/counters.ts";
import { VERSION } from "../core/version.ts";

/** The readers: everybody who reaches the TCP listener, or the owner of the unix socket. */
export type Audience = "anyone" | "owner";

interface CounterMetric {
  readonly audience: Audience;
  readonly type: "counter" | "gauge";
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly help: string;
}

/**
 * RKS1, "Believing a knock", 6: no number that an unauthenticated observer can read may move
 * because part of a sequence was hit. So "anyone" sees only numbers that whole sequences move. The
 * others would tell an attacker, who sends one packet and reads again, whether its port counts:
 * - the kernel filter passes knock ports only, so packets, knocks and drops find the ports of a
 * fixed sequence one by one;
 * - a source is remembered from its first hit on a port of a valid sequence, so sources find the
 * ports of the present slot, and so does the memory they take (`residentBytes`, below).
 */
const COUNTER_METRICS = {
  packets: {
    audience: "owner",
    type: "counter",
    name: "sallyport_packets_total",
    help: "Frames the kernel filter passed.",
  },
  unknownFrames: {
    audience: "owner",
    type: "counter",
    name: "sallyport_frames_ignored_total",
    labels: { reason: "unknown" },
    help: "Frames that were no knock to this machine.",
  },
  foreignFrames: {
    audience: "owner",
    type: "counter",
    name: "sallyport_frames_ignored_total",
    labels: { reason: "foreign" },
    help: "Frames that were no knock to this machine.",
  },
  captureDrops: {
    audience: "owner",
    type: "counter",
    name: "sallyport_capture_drops_total",
    help: "Frames the kernel dropped before they were examined.",
  },
  captureInterfaces: {
    audience: "anyone",
    type: "gauge",
    name: "sallyport_capture_interfaces",
    help: "Captures attached now.",
  },
  knocks: {
    audience: "owner",
    type: "counter",
    name: "sallyport_knocks_total",
    help: "Packets that were knocks to this machine.",
  },
  matches: {
    audience: "anyone",
    type: "counter",
    name: "sallyport_matches_total",
    help: "Complete sequences, new ones only.",
  },
  repeats: {
    audience: "anyone",
    type: "counter",
    name: "sallyport_repeats_total",
    help: "Complete sequences used before by the same address, a window ago or longer; ignored.",
  },
  reuses: {
    audience: "anyone",
    type: "counter",
    name: "sallyport_reuses_total",
    help: "Complete sequences used before by another address; refused.",
  },
  partialReuses: {
    audience: "owner", // part of a sequence moves it
    type: "counter",
    name: "sallyport_partial_reuses_total",
    help: "Used sequences of which another address hit more than half.",
  },
  grantsOpened: {
    audience: "anyone",
    type: "counter",
    name: "sallyport_grants_opened_total",
    help: "Grants opened.",
  },
  grantsRenewed: {
    audience: "anyone",
    type: "counter",
    name: "sallyport_grants_renewed_total",
    help: "Grants whose end was moved by another knock.",
  },
  grantsClosed: {
    audience: "anyone",
    type: "counter",
    name: "sallyport_grants_closed_total",
    help: "Grants that ended, for any reason.",
  },
  grantsFailed: {
    audience: "anyone",
    type: "counter",
    name: "sallyport_grants_failed_total",
    help: "Right knocks whose door the kernel did not open.",
  },
  grantsLive: {
    audience: "anyone",
    type: "gauge",
    name: "sallyport_grants",
    help: "Grants that live now.",
  },
  grantsRepaired: {
    audience: "anyone",
    type: "counter",
    name: "sallyport_grants_repaired_total",
    help: "Grants put back after somebody else took them from the kernel.",
  },
  guardRepairs: {
    audience: "anyone",
    type: "counter",
    name: "sallyport_guard_repairs_total",
    help: "Loads of the guard because somebody else changed it.",
  },
  enforcedShare: {
    audience: "anyone",
    type: "gauge",
    name: "sallyport_enforced_ratio",
    help: "Share of the intended state that was in the kernel at the last audit, 0 to 1.",
  },
  sources4: {
    audience: "owner",
    type: "gauge",
    name: "sallyport_sources",
    labels: { family: "ipv4" },
    help: "Addresses remembered now.",
  },
  sources6: {
    audience: "owner",
    type: "gauge",
    name: "sallyport_sources",
    labels: { family: "ipv6" },
    help: "Addresses remembered now.",
  },
  sourcesEvicted: {
    audience: "owner",
    type: "counter",
    name: "sallyport_sources_evicted_total",
    help: "Addresses forgotten early, because the table was full.",
  },
  commandsWaiting: {
    audience: "anyone",
    type: "gauge",
    name: "sallyport_commands_waiting",
    help: "Commands of doors and alarms that have not started yet.",
  },
  closesOwed: {
    audience: "anyone",
    type: "gauge",
    name: "sallyport_close_commands_owed",
    help: "Close commands whose grant is over and that have not started yet.",
  },
  commandsDropped: {
    audience: "anyone",
    type: "counter",
    name: "sallyport_commands_dropped_total",
    help: "Open commands and alarms that were not started, because too many of their door waited.",
  },
  logLinesDropped: {
    audience: "anyone",
    type: "counter",
    name: "sallyport_log_lines_dropped_total",
    help: "Lines of the log that its reader did not take.",
  },
} as const satisfies Record<
  Exclude<CounterName, "eventsTold" | "eventsHeard" | "latencyCount" | "latencySumSeconds">,
  CounterMetric
>;

/** The counters that are metrics of their own, in the order shown. */
export const PLAIN_COUNTERS = Object.keys(COUNTER_METRICS) as (keyof typeof COUNTER_METRICS)[];

function counterMetrics(control: Control, audience: Audience): Metric[] {
  const metrics = new Map<string, Metric & { samples: { value: number }[] }>();
  for (const counter of PLAIN_COUNTERS) {
    const of: CounterMetric = COUNTER_METRICS[counter];
    if (of.audience === "owner" && audience === "anyone") continue;
    const { type, name, help, labels } = of;
    const sample = { value: control.counters.get(counter), ...(labels && { labels }) };
    const metric = metrics.get(name);
    if (metric === undefined) metrics.set(name, { type, name, help, samples: [sample] });
    else metric.samples.push(sample);
  }
  return [...metrics.values()];
}

/** Reads every metric this audience may see; one that cannot be read now is left out. */
export function readMetrics(control: Control, audience: Audience): Metric[] {
  const gauge = (name: string, help: string, value: number): Metric => ({
    type: "gauge",
    name,
    help,
    samples: [{ value }],
  });
  const reasons = new Set(control.readiness().map((reason) => reason.code));
  const metrics: Metric[] = [
    {
      type: "gauge",
      name: "sallyport_build_info",
      help: "Always 1; the label names the version.",
      samples: [{ value: 1, labels: { version: VERSION } }],
    },
    gauge(
      "process_start_time_seconds",
      "Start of the process, Unix time.",
      control.startedMs / 1e3,
    ),
    gauge("sallyport_ready", "1 when a right knock opens its door.", reasons.size === 0 ? 1 : 0),
    {
      type: "gauge",
      name: "sallyport_not_ready",
      help: "1 for each reason why a right knock may not open its door now.",
      samples: (Object.keys(REASONS) as (keyof typeof REASONS)[]).map((reason) => ({
        value: reasons.has(reason) ? 1 : 0,
        labels: { reason },
      })),
    },
    ...counterMetrics(control, audience),
    {
      type: "histogram",
      name: "sallyport_open_latency_seconds",
      help: "From the capture of the last knock to the kernel's acknowledgement.",
      bounds: LATENCY_BUCKETS,
      buckets: control.counters.latencyBuckets(),
      sum: control.counters.get("latencySumSeconds"),
    },
  ];
  if (audience === "owner") {
    metrics.push(
      // Not for anyone: it tells when the ports open.
      gauge(
        "sallyport_probation_end_time_seconds",
        "When the probation of the guard ends, Unix time; 0 without one.",
        (control.probation()?.untilMs ?? 0) / 1e3,
      ),
    );
    const residentBytes = control.residentBytes();
    if (residentBytes !== undefined) {
      metrics.push(
        gauge("process_resident_memory_bytes", "Memory the process holds.", residentBytes),
      );
    }
  }
  return metrics;
}
