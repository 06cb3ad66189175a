/** Matching fixed sequences: many doors at once, with the runs of each source apart. */

import { knockKey, knockKeys, NO_START, spansOf, stepRun } from "../core/fixed-sequence.ts";
import { knockSource } from "../core/knock.ts";
import type { Knock } from "../core/knock.ts";
import { PROTO_NUMBER } from "../core/port.ts";
import type { FixedRuns, Runs } from "./fixed-runs.ts";
import type { FixedSubject, MatchSink } from "./subject.ts";

/** Ports of one protocol, and the subjects that hear each of them: `subjects[segment[port]]`. */
interface Listeners {
  readonly segment: Uint16Array;
  readonly subjects: readonly Uint16Array[];
}

/**
 * A source takes memory only from the first knock of a sequence until its run ends: by completion,
 * by another port or, when the room is needed, by age.
 */
export class FixedDoors {
  /** Whoever hears the same sequences after this may take them over. */
  readonly runs: FixedRuns;
  readonly #subjects: readonly FixedSubject[];
  readonly #sink: MatchSink;
  readonly #keys: readonly Uint32Array[];
  readonly #tcp: Listeners;
  readonly #udp: Listeners;

  constructor(subjects: readonly FixedSubject[], sink: MatchSink, runs: FixedRuns) {
    this.runs = runs;
    this.#subjects = subjects;
    this.#sink = sink;
    this.#keys = subjects.map(({ sequence }) => knockKeys(sequence));
    this.#tcp = listeners(subjects, "tcp");
    this.#udp = listeners(subjects, "udp");
  }

  feed(knock: Knock): void {
    const { port, proto } = knock;
    const heard = proto === PROTO_NUMBER.tcp ? this.#tcp : this.#udp;
    const subjects = heard.subjects[heard.segment[port]!]!;
    if (subjects.length === 0) return;
    const runs = knock.family === 4 ? this.runs.v4 : this.runs.v6;
    for (let i = 0; i < subjects.length; i++) this.#step(runs, subjects[i]!, knock);
  }

  #step({ table, starts }: Runs, index: number, knock: Knock): void {
    const { stride } = this.runs;
    const keys = this.#keys[index]!;
    const key = knockKey(knock.proto, knock.port);
    const { s0, s1, s2, s3, timeMs } = knock;
    let id = table.find(s0, s1, s2, s3, index);
    if (id < 0) {
      if (key !== keys[0]) return;
      id = table.admit(s0, s1, s2, s3, index);
      starts.fill(NO_START, id * stride, (id + 1) * stride);
    } else {
      table.renew(id);
    }
    const { timeoutMs } = this.#subjects[index]!.sequence;
    const state = stepRun(keys, timeoutMs, starts, id * stride, key, timeMs);
    if (state === "running") return;
    table.remove(id);
    if (state === "complete") {
      const subject = this.#subjects[index]!;
      this.#sink.fixed({ kind: "fixed", subject, source: knockSource(knock), timeMs });
    }
  }
}

/**
 * Cuts the ports of a protocol where a span begins or ends, so that a port costs only its own
 * spans.
 */
function listeners(subjects: readonly FixedSubject[], proto: "tcp" | "udp"): Listeners {
  const spans = subjects.flatMap(({ sequence }, index) =>
    spansOf(sequence)
      .filter((span) => span.proto === proto)
      .map(({ from, to }) => ({ from, to, index })),
  );
  const cuts = [...new Set([0, ...spans.flatMap(({ from, to }) => [from, to + 1])])].sort(
    (a, b) => a - b,
  );
  const segment = new Uint16Array(65_536);
  for (const [i, cut] of cuts.entries()) segment.fill(i, cut, cuts[i + 1]);
  return {
    segment,
    subjects: cuts.map((cut) =>
      Uint16Array.from(
        spans.filter(({ from, to }) => from <= cut && cut <= to).map(({ index }) => index),
      ),
    ),
  };
}
