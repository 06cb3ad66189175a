/** Follows the answer of this host's closed ports, so that guarded ones go on giving the same. */

import type { Clock } from "../../core/clock.ts";
import { formatDuration } from "../../core/duration.ts";
import { messageOf } from "../../core/errors.ts";
import { answerTo, type DenyAnswer, type PlainAnswer } from "../../firewall/deny-answer.ts";
import type { GuardPlan } from "../../firewall/guard-plan.ts";
import { log } from "../log.ts";
import type { GuardLoader } from "./guard-loader.ts";

/** Whoever changes rules makes several changes, mostly; between two of them nothing is decided. */
const SETTLE_MS = 500;

/** Between two looks, however often others change their rules. */
const REST_MS = 5_000;
/** And so many times as long as the last look took: the rules of a large host take a while to read. */
const REST_FACTOR = 50;

/**
 * A look holds this thread up, which feeds the watchdog: with the tens of thousands of rules of some cluster nodes it
 * takes seconds. Where one took longer than this, nothing is followed any more.
 */
const MOST_MS = 500;

/** Nothing announces which interface strangers come in by. */
const REGULARLY_MS = 600_000;

export interface AnswerWatchParts {
  readonly clock: Clock;
  readonly loader: Pick<GuardLoader, "follow" | "isToFollow" | "mayChangeUnheard">;
  /** Calls `look` soon. */
  readonly audit: () => void;
  /** The guard was loaded with another answer, as a sentence. */
  readonly followed: (sentence: string) => void;
}

export class AnswerWatch {
  readonly #parts: AnswerWatchParts;
  /** Before the first look, nobody listened between the start's own decision and the watch. */
  #isDue = true;
  #lookedMs = -Infinity;
  #restMs = REST_MS;
  #timer: NodeJS.Timeout | undefined;
  #failure: string | undefined;
  #isTooMuch = false;

  constructor(parts: AnswerWatchParts) {
    this.#parts = parts;
  }

  /** The start has decided, which took so long. */
  decided(tookMs: number): void {
    if (!this.#parts.loader.isToFollow || tookMs <= MOST_MS) return;
    this.#isTooMuch = true;
    log(
      "warning",
      `Reading the rules of other tables takes ${formatDuration(Math.ceil(tookMs / 100) * 100)} here: guarded ports follow their changes only at a start or a reload`,
    );
  }

  /** The rules of another table changed. */
  heard(): void {
    const { clock, loader, audit } = this.#parts;
    if (!loader.isToFollow || this.#isTooMuch) return;
    const restMs = this.#lookedMs + this.#restMs - clock.monotonicMs();
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.#isDue = true;
        audit();
      },
      Math.max(SETTLE_MS, restMs),
    );
  }

  /** Where closed ports may answer otherwise by now, finds out, and has the guard loaded again if they do. */
  look(): void {
    const { clock, loader, followed } = this.#parts;
    const beganMs = clock.monotonicMs();
    const sinceMs = beganMs - this.#lookedMs;
    if (!loader.isToFollow || this.#isTooMuch || sinceMs < this.#restMs) return;
    if (!this.#isDue && sinceMs < REGULARLY_MS && !loader.mayChangeUnheard) return;
    try {
      const deny = loader.follow();
      this.#isDue = false;
      this.#failure = undefined;
      if (deny !== undefined) followed(describeAnswer(deny));
    } catch (error) {
      // The guard is as closed as before: only its answers may differ.
      const failure = messageOf(error);
      if (failure !== this.#failure) log("warning", failure);
      this.#failure = failure;
    }
    this.#lookedMs = clock.monotonicMs();
    const tookMs = this.#lookedMs - beganMs;
    this.#restMs = Math.max(REST_MS, REST_FACTOR * tookMs);
    this.decided(tookMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** How closed ports answer from now on, and guarded ones with them. */
export function describeAnswer({ ip, ip6 }: GuardPlan["deny"]): string {
  if (ip === "drop" && ip6 === "drop") return "Closed ports are silent now: guarded ports are, too";
  if (ip === "reset" && ip6 === "reset") return "Closed ports refuse now: guarded ports do, too";
  const each = [...answersOf("IPv4", ip), ...answersOf("IPv6", ip6)].join(", ");
  return `Closed ports answer otherwise now: guarded ports do, too (${each})`;
}

function answersOf(family: string, deny: DenyAnswer): string[] {
  if (typeof deny === "string") return [`${family}: ${wordOf(deny)}`];
  return (["tcp", "udp"] as const).map(
    (proto) => `${proto.toUpperCase()} over ${family}: ${wordOf(answerTo(deny, proto))}`,
  );
}

function wordOf(answer: PlainAnswer): string {
  if (answer === "drop") return "silence";
  return answer === "reset" ? "refusal" : answer;
}
