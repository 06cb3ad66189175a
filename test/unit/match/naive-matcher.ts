/** RKS1's "Believing a knock" word by word, slow and without any cleverness. */

import { formatAddress } from "../../../src/core/address.ts";
import { knockSource } from "../../../src/core/knock.ts";
import type { Knock } from "../../../src/core/knock.ts";
import { PROTO_NUMBER } from "../../../src/core/port.ts";
import type { MatchSink, RotatingMatch, RotatingSubject } from "../../../src/match/subject.ts";
import { sequencePorts } from "../../../src/rks/sequence.ts";
import type { KnockSpace } from "../../../src/rks/space.ts";
import { useId } from "../../../src/rks/use-id.ts";

interface Hit {
  readonly port: number;
  readonly timeMs: number;
}

interface Used {
  readonly match: RotatingMatch;
  repeated: boolean;
  reused: boolean;
}

/** One knock space; remembers every hit of every source, valid port or not. */
export class NaiveMatcher {
  readonly #subjects: readonly RotatingSubject[];
  readonly #sink: MatchSink;
  readonly #space: KnockSpace;
  readonly #hits = new Map<string, Hit[]>();
  readonly #last = new Map<RotatingSubject, number>();
  readonly #used = new Map<string, Used>();

  constructor(subjects: readonly RotatingSubject[], sink: MatchSink) {
    this.#subjects = subjects;
    this.#sink = sink;
    this.#space = subjects[0]!.space;
  }

  feed(knock: Knock): void {
    const { lo, hi, ports: n, slack, windowSeconds, stepSeconds, skew, proto } = this.#space;
    if (knock.port < lo || knock.port > hi || knock.proto !== PROTO_NUMBER[proto]) return;

    const name = formatAddress(knockSource(knock));
    const others = (this.#hits.get(name) ?? []).filter(({ port }) => port !== knock.port);
    const kept = [...others, { port: knock.port, timeMs: knock.timeMs }].slice(-(n + slack));
    this.#hits.set(name, kept);

    const now = Math.floor(knock.timeMs / 1_000 / stepSeconds);
    for (let slot = now - skew; slot <= now + skew; slot++) {
      for (const subject of this.#subjects) {
        const ports = [...sequencePorts(subject.key, subject.door, this.#space, slot)];
        if (!ports.includes(knock.port)) continue;
        const hits = ports.map((port) => kept.find((hit) => hit.port === port));
        if (hits.includes(undefined)) continue;
        const times = hits.map((hit) => hit!.timeMs);
        if (Math.max(...times) - Math.min(...times) > windowSeconds * 1_000) continue;
        this.#complete(subject, slot, knock);
      }
    }
  }

  #complete(subject: RotatingSubject, slot: number, knock: Knock): void {
    const source = knockSource(knock);
    const use = useId(subject.key, subject.door, slot);
    const match: RotatingMatch = {
      kind: "rotating",
      subject,
      slot,
      source,
      timeMs: knock.timeMs,
      use,
    };
    if (slot > (this.#last.get(subject) ?? -1)) {
      if (this.#sink.rotating(match) === "kept") return;
      this.#last.set(subject, slot);
      this.#used.set(use.toHex(), { match, repeated: false, reused: false });
      return;
    }
    const used = this.#used.get(use.toHex());
    if (used === undefined) return;
    if (formatAddress(used.match.source) === formatAddress(source)) {
      if (match.timeMs - used.match.timeMs <= this.#space.windowSeconds * 1_000) return;
      if (!used.repeated) this.#sink.repeated(match);
      used.repeated = true;
    } else {
      if (!used.reused) this.#sink.reused(match, used.match.source, used.match.timeMs);
      used.reused = true;
    }
  }
}
