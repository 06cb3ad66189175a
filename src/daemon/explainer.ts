/** Says what was heard from an address and what was missing: when somebody asks, and in the log. */

import type { Explanation, WhyFinding } from "../api/control.ts";
import { type Address, formatAddress, maskAddress, sameAddress } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Settings } from "../config/settings.ts";
import type { SourceHits } from "../match/hit-table.ts";
import { findTries, type Try } from "../match/near-misses.ts";
import { clockTime, describeTry, type TryFacts } from "./describe-try.ts";
import type { Answers, Memory, Request } from "./messages.ts";
import type { Plan } from "./plan.ts";

/** Work at a stretch before requests and signals get their turn. */
const STRETCH_MS = 2;

/** Sources that one look at who came close takes. */
const LOOKED_AT = 4;

/** Looking takes at most one part in so many of the time, however many devices there are. */
const IDLE_SHARE = 20;

/** Lines a minute about sources that came close: forged ones must not fill the log. */
const LINES_A_MINUTE = 10;

/** Nearly a knock is worth a line in the log; the rest is told to whoever asks. */
const LOGGED: ReadonlySet<WhyFinding["kind"]> = new Set([
  "incomplete",
  "clock",
  "slow",
  "crowded",
  "fixed",
]);

export interface ExplainerParts {
  readonly clock: Clock;
  /** What is in force now. */
  readonly configuration: () => { readonly settings: Settings; readonly plan: Plan };
  readonly ask: <T extends Request["type"]>(
    request: Extract<Request, { type: T }>,
  ) => Promise<Answers[T]>;
  /** Knocks heard from anybody since the start. */
  readonly knocks: () => number;
  /** Other tables' rules that drop a guarded port, each as a sentence; may throw. */
  readonly foreignRules: (settings: Settings) => readonly string[];
  /** What is not as it looks though knocks open doors, each as a sentence. */
  readonly notices: () => readonly string[];
  /** Why a right knock may not open now, each as a sentence. */
  readonly obstacles: () => readonly string[];
}

export class Explainer {
  readonly #parts: ExplainerParts;
  #nextLookMs = 0;
  #looking = false;
  readonly #lineTimes: number[] = [];

  constructor(parts: ExplainerParts) {
    this.#parts = parts;
  }

  /** Everything known about an address, most telling first. Takes no more than a few ms at a stretch. */
  async why(address: Address): Promise<Explanation> {
    const { ask, configuration } = this.#parts;
    const { settings } = configuration();
    const memory = await ask({ type: "why", address });
    const findings = [
      ...this.#openNow(memory),
      ...this.#allowed(address, settings),
      ...(await this.#heard(address, memory)),
      ...this.#parts.notices().map((said) => finding("keys", said)),
      ...this.#parts.obstacles().map((said) => finding("not-ready", said)),
      ...this.#parts.foreignRules(settings).map((said) => finding("firewall", said)),
    ];
    return { address: formatAddress(address), findings };
  }

  /**
   * Tells `line` of sources that came close and stopped, and answers whether there may be more of them.
   * Call it a few seconds after knocks were heard: it looks only when its share of the time allows.
   */
  async look(line: (sentence: string) => void): Promise<boolean> {
    const { clock, ask } = this.#parts;
    const startedMs = clock.monotonicMs();
    if (this.#looking || startedMs < this.#nextLookMs) return true;
    this.#looking = true;
    try {
      const sources = await ask({ type: "quiet", least: this.#leastKnocks(), most: LOOKED_AT });
      for (const source of sources) await this.#tellOf(source, line);
      return sources.length === LOOKED_AT;
    } finally {
      this.#looking = false;
      const endedMs = clock.monotonicMs();
      this.#nextLookMs = endedMs + (endedMs - startedMs) * IDLE_SHARE;
    }
  }

  async #tellOf({ source, hits }: SourceHits, line: (sentence: string) => void): Promise<void> {
    const [made] = await this.#tries(hits);
    if (made === undefined || heardShare(made) < 0.5) return;
    const { kind, sentence } = describeTry(made, await this.#facts(made, source, "past"));
    if (LOGGED.has(kind) && this.#mayWrite()) line(`Nearly, ${formatAddress(source)}: ${sentence}`);
  }

  /** Half of the shortest sequence: fewer knocks than that came close to nothing. */
  #leastKnocks(): number {
    const { rotating, fixed } = this.#parts.configuration().plan;
    const lengths = [
      ...rotating.groups.map(({ space }) => space.ports),
      ...fixed.map(({ sequence }) => sequence.knocks.length),
    ];
    return Math.max(2, Math.ceil(lengths.reduce((least, n) => Math.min(least, n), 16) / 2));
  }

  #mayWrite(): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    while (this.#lineTimes.length > 0 && this.#lineTimes[0]! < nowMs - 60_000) {
      this.#lineTimes.shift();
    }
    if (this.#lineTimes.length >= LINES_A_MINUTE) return false;
    this.#lineTimes.push(nowMs);
    return true;
  }

  #openNow({ grants }: Memory): WhyFinding[] {
    const nowMs = this.#parts.clock.wallMs();
    return grants.map(({ door, address, expiresMs }) =>
      finding("open", `${door} is open to ${address} until ${clockTime(expiresMs, nowMs)}`),
    );
  }

  #allowed(address: Address, { guard }: Settings): WhyFinding[] {
    return guard.alwaysAllow
      .filter((prefix) => sameAddress(maskAddress(address, prefix.bits), prefix.address))
      .map(() =>
        finding(
          "allowed",
          "This address needs no knock: guard.always_allow lets it reach every guarded port",
        ),
      );
  }

  async #heard(address: Address, { hits, sinceMs }: Memory): Promise<WhyFinding[]> {
    const nowMs = this.#parts.clock.wallMs();
    const last = hits.at(-1);
    if (last === undefined) return [this.#silent(address, sinceMs, nowMs)];
    const tries = await this.#tries(hits);
    const findings: WhyFinding[] = [];
    for (const made of tries) {
      findings.push(describeTry(made, await this.#facts(made, address, "all")));
    }
    if (findings.length > 0) return findings;
    const count = hits.length === 1 ? "1 knock was" : `${hits.length} knocks were`;
    const said = `${count} heard, the last at ${clockTime(last.timeMs, nowMs)}, and they are part of no sequence of any door, not even with a clock that is minutes off: is it the link of this server and of a key that still exists (sallyport user list)`;
    return [{ ...finding("unrelated", said), atMs: Math.round(last.timeMs) }];
  }

  #silent(address: Address, sinceMs: number, nowMs: number): WhyFinding {
    const minutes = Math.max(1, Math.round((nowMs - sinceMs) / 60_000));
    const span = minutes === 1 ? "last minute" : `last ${minutes} minutes`;
    const others =
      this.#parts.knocks() === 0
        ? "nor from anybody else: is this the right interface ([server] interfaces), and is there a firewall on the way"
        : "though others are heard: does it knock on this host's address, does it come from another address (behind NAT), and is there a firewall on the way";
    return finding(
      "silent",
      `Nothing was heard from ${formatAddress(address)} in the ${span}, ${others}`,
    );
  }

  async #facts(made: Try, source: Address, ports: TryFacts["ports"]): Promise<TryFacts> {
    const nowMs = this.#parts.clock.wallMs();
    if (made.kind === "fixed") return { source, nowMs, uses: [], ports };
    const { door, user, device } = made.subject;
    return {
      source,
      nowMs,
      ports,
      uses: await this.#parts.ask({ type: "uses", door, user, device }),
    };
  }

  async #tries(hits: Memory["hits"]): Promise<Try[]> {
    const { clock, configuration } = this.#parts;
    const search = findTries(hits, configuration().plan);
    let untilMs = clock.monotonicMs() + STRETCH_MS;
    for (;;) {
      const { done, value } = search.next();
      if (done === true) return value;
      if (clock.monotonicMs() < untilMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      untilMs = clock.monotonicMs() + STRETCH_MS;
    }
  }
}

function heardShare(made: Try): number {
  return made.kind === "rotating"
    ? made.heard / made.subject.space.ports
    : made.accepted / made.subject.sequence.knocks.length;
}

function finding(kind: WhyFinding["kind"], sentence: string): WhyFinding {
  return { kind, sentence };
}
