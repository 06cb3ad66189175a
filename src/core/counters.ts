/**
 * Counters in shared memory: the data plane writes, the control plane reads, neither waits. One
 * writer only; a reader may see one counter slightly older than another.
 */

/** Upper bounds of the latency histogram's buckets, in seconds; the last bucket is +Inf. */
export const LATENCY_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
] as const;

const NAMES = [
  "packets", // frames the kernel filter passed
  "unknownFrames", // frames without a knock: fragments, other protocols, malformed
  "foreignFrames", // frames not addressed to this machine
  "captureDrops", // frames that the kernel dropped because the reader was slow
  "captureInterfaces", // captures attached now
  "knocks", // frames that were knocks to this machine
  "matches", // complete sequences, new ones only
  "repeats", // complete sequences used before, same address, later than a copy of the same knock
  "reuses", // complete sequences used before, another address
  "partialReuses", // used sequences of which another address hit more than half
  "grantsOpened",
  "grantsRenewed",
  "grantsClosed",
  "grantsFailed", // right knocks that the kernel refused to open
  "grantsLive", // now
  "grantsRepaired", // put back after another program took them from the kernel
  "guardRepairs", // loads of the guard because another program changed it
  "enforcedShare", // at the last audit: how much of the wanted state was in the kernel (0–1)
  "sources4", // IPv4 sources in the tables now
  "sources6",
  "sourcesEvicted",
  "commandsWaiting", // commands of doors and alarms that have not started
  "closesOwed", // close commands whose grant is over and which have not started
  "commandsDropped", // open commands and alarms that were never started, because too many waited
  "logLinesDropped", // lines of the log that its reader did not take
  "eventsTold", // events sent by the data plane to the control plane
  "eventsHeard", // events taken by the control plane
  "latencyCount",
  "latencySumSeconds",
] as const;

export type CounterName = (typeof NAMES)[number];

const INDEX = Object.fromEntries(NAMES.map((name, i) => [name, i])) as Record<CounterName, number>;
const LENGTH = NAMES.length + LATENCY_BUCKETS.length + 1;

export class Counters {
  /** The memory to hand to another thread, which makes a Counters of it. */
  readonly memory: SharedArrayBuffer;
  readonly #cells: Float64Array;

  constructor(
    memory: SharedArrayBuffer = new SharedArrayBuffer(LENGTH * Float64Array.BYTES_PER_ELEMENT),
  ) {
    this.memory = memory;
    this.#cells = new Float64Array(memory);
  }

  get(name: CounterName): number {
    return this.#cells[INDEX[name]]!;
  }

  set(name: CounterName, value: number): void {
    this.#cells[INDEX[name]] = value;
  }

  add(name: CounterName, by = 1): void {
    this.#cells[INDEX[name]]! += by;
  }

  /** Counts one opening in the histogram. */
  observeLatency(seconds: number): void {
    let bucket = LATENCY_BUCKETS.findIndex((bound) => seconds <= bound);
    if (bucket < 0) bucket = LATENCY_BUCKETS.length;
    this.#cells[NAMES.length + bucket]! += 1;
    this.add("latencyCount");
    this.add("latencySumSeconds", seconds);
  }

  /** Openings per bucket, not cumulative; one more entry than `LATENCY_BUCKETS`, for +Inf. */
  latencyBuckets(): number[] {
    return [...this.#cells.subarray(NAMES.length)];
  }
}
