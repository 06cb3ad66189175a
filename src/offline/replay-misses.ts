/** The doors that sources of a capture file nearly opened, told when each source has gone quiet. */

import { formatAddress } from "../core/address.ts";
import type { Knock } from "../core/knock.ts";
import { HitLog } from "../match/hit-log.ts";
import type { Matcher } from "../match/matcher.ts";
import { findTriesNow, type RotatingTry } from "../match/near-misses.ts";
import { describeTry } from "../control-plane/explain/describe-try.ts";
import type { EndedUse, UsedKnocks } from "../control-plane/explain/used-knocks.ts";
import type { Plan } from "../data-plane/plan.ts";

/** As in the daemon; more memory does not matter, since a file is read once. */
const SOURCES = 4_096;

/** A source that is silent this long, by the clock of the file, has ended its try. */
const QUIET_MS = 60_000;

export class ReplayMisses {
  readonly #plan: Plan;
  readonly #matcher: Matcher;
  readonly #used: UsedKnocks;
  readonly #hits = new HitLog(0, SOURCES);
  readonly #sentences = new Set<string>();
  #nextMs = 0;

  /** `matcher` is fed the same knocks, and `used` hears what they open: they know the uses. */
  constructor(plan: Plan, matcher: Matcher, used: UsedKnocks) {
    this.#plan = plan;
    this.#matcher = matcher;
    this.#used = used;
  }

  note(knock: Knock): void {
    if (knock.timeMs >= this.#nextMs) {
      this.#tell(knock.timeMs, QUIET_MS);
      this.#nextMs = knock.timeMs + QUIET_MS;
    }
    this.#hits.note(knock);
  }

  /** One sentence for each try that came close and opened nothing, in the order of their ends. */
  finish(): string[] {
    this.#tell(Infinity, 0);
    return [...this.#sentences];
  }

  #tell(nowMs: number, quietMs: number): void {
    for (const { source, hits } of this.#hits.quiet(nowMs, quietMs, 2, 2 * SOURCES)) {
      for (const made of findTriesNow(hits, this.#plan).toReversed()) {
        const uses = made.kind === "rotating" ? this.#usesOf(made) : [];
        const facts = { source, nowMs: made.lastMs, uses, ports: "all" } as const;
        const { kind, sentence } = describeTry(made, facts);
        if (kind === "opened" || kind === "closed") continue;
        this.#sentences.add(`${formatAddress(source)}: ${sentence}`);
      }
    }
  }

  #usesOf({ subject, slot }: RotatingTry): EndedUse[] {
    const own = this.#used.find(subject, slot) ?? [];
    return [own, ...this.#matcher.usesOf(subject)].flat();
  }
}
