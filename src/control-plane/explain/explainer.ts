/** Says which knocks were heard from an address and which were missing: to `why`, and in the log. */

import type { Explanation, HeardAddress, WhyFinding } from "../../api/control.ts";
import { type Address, formatAddress, maskAddress, sameAddress } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import type { Settings } from "../../config/settings.ts";
import type { SourceHits } from "../../match/hit-table.ts";
import { type Candidates, findTries, type RotatingTry, type Try } from "../../match/near-misses.ts";
import type { DaemonEvent } from "../../core/events.ts";
import type { KeyTable } from "../../rks/key-table.ts";
import { clockTime, describeTry, type TryFacts } from "./describe-try.ts";
import type { Ask, Memory } from "../../data-plane/messages.ts";
import { FormerTerms } from "./former-terms.ts";
import type { Plan } from "../../data-plane/plan.ts";
import { besides, newerThan, portCount } from "./newer-knocks.ts";
import { UsedKnocks } from "./used-knocks.ts";
import { describeFormer, sameHolder, sameKnock, suspicions } from "./void-knocks.ts";

/** The longest piece of work before requests and signals get their turn. */
const STRETCH_MS = 2;

/** Those who wonder about a knock made it just now. */
const HEARD_MS = 600_000;
const MOST_HEARD = 20;

/** Sources that one look for near misses takes. */
const LOOKED_AT = 4;

/**
 * The looks take at most one part in this many of the time, however many devices there are, and never
 * more than a stretch at once: with 100,000 devices one source takes three seconds of work.
 */
const IDLE_SHARE = 20;

/** Lines a minute about sources that came close: forged ones must not fill the log. */
const LINES_A_MINUTE = 10;

/** Findings about a knock that was nearly right. They are worth a line in the log; `why` tells the rest. */
const LOGGED: ReadonlySet<WhyFinding["kind"]> = new Set([
  "incomplete",
  "clock",
  "slow",
  "crowded",
  "fixed",
]);

export interface ExplainerParts {
  readonly clock: Clock;
  /** The configuration in force. */
  readonly configuration: () => { readonly settings: Settings; readonly plan: Plan };
  readonly ask: Ask;
  /** Knocks heard from all sources since the start. */
  readonly knocks: () => number;
  /** Other tables' rules that drop a guarded port, each as a sentence; may throw. */
  readonly foreignRules: (settings: Settings) => readonly string[];
  /** The keys of the file, where they differ from those in force and can be read. */
  readonly unread: () => KeyTable | undefined;
  /** Things that the operator should know although knocks open doors, each as a sentence. */
  readonly notices: () => readonly string[];
  /** Why a right knock may not open now, each as a sentence. */
  readonly obstacles: () => readonly string[];
}

export class Explainer {
  readonly #parts: ExplainerParts;
  readonly #used = new UsedKnocks();
  readonly #former = new FormerTerms();
  #nextLookMs = 0;
  #looking = false;
  /** The work of a look that nothing was rested for yet began then, in monotonic milliseconds. */
  #workingSinceMs = 0;
  readonly #lineTimes: number[] = [];

  constructor(parts: ExplainerParts) {
    this.#parts = parts;
  }

  hear(event: DaemonEvent): void {
    this.#used.hear(event);
  }

  /** `next` replaces `before` from now on. */
  entered(before: Settings, next: Settings): void {
    this.#former.entered(before, next, this.#parts.clock.wallMs());
  }

  /**
   * Everything known about an address, the most telling first. Works at most a few ms at a stretch.
   */
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

  /** The addresses that knocked in the last ten minutes, the latest first; not all of a crowd. */
  async heard(): Promise<HeardAddress[]> {
    const { ask, clock } = this.#parts;
    const sinceMs = clock.wallMs() - HEARD_MS;
    const sources = await ask({ type: "heard", sinceMs, most: MOST_HEARD });
    return sources.map(({ source, knocks, lastMs }) => ({
      address: formatAddress(source),
      knocks,
      lastMs: Math.round(lastMs),
    }));
  }

  /**
   * Calls `line` for sources that came close and stopped. Resolves to whether there may be more of
   * them. Call it a few seconds after knocks were heard: it works only when its share of the time
   * allows.
   */
  async look(line: (sentence: string) => void): Promise<boolean> {
    const { clock, ask } = this.#parts;
    const startedMs = clock.monotonicMs();
    if (this.#looking || startedMs < this.#nextLookMs) return true;
    this.#looking = true;
    this.#workingSinceMs = startedMs;
    try {
      const sources = await ask({ type: "quiet", least: this.#leastKnocks(), most: LOOKED_AT });
      for (const source of sources) await this.#tellOf(source, line);
      return sources.length === LOOKED_AT;
    } finally {
      this.#looking = false;
      const endedMs = clock.monotonicMs();
      this.#nextLookMs = endedMs + (endedMs - this.#workingSinceMs) * IDLE_SHARE;
    }
  }

  async #tellOf({ source, hits }: SourceHits, line: (sentence: string) => void): Promise<void> {
    // Mostly the knock that opened a door, and its copies.
    const { rotating } = this.#parts.configuration().plan;
    const rest = besides(this.#used.from(source), rotating, hits);
    if (portCount(rest) < this.#leastKnocks()) return;
    const [made] = await this.#tries(hits, () => this.#rest());
    if (made === undefined || heardShare(made) < 0.5) return;
    const { kind, sentence } = describeTry(made, await this.#facts(made, source, "past"));
    if (LOGGED.has(kind) && this.#mayWrite()) line(`Nearly, ${formatAddress(source)}: ${sentence}`);
  }

  /** Half of the shortest sequence: fewer knocks did not come close to anything. */
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
    const changes = describeFormer(this.#former.doors, nowMs);
    if (hits.length === 0) return [this.#silent(address, sinceMs, nowMs), ...changes];
    const tries = await this.#tries(hits);
    const explained = tries.length > 0 && tries.every(isWhole) && !this.#begins(tries, hits);
    const suspected = explained ? [] : await this.#void(hits, address);
    // A knock that is complete by the terms in force may also be complete by shorter former ones.
    const strange = suspected.filter(
      ({ made }) => !tries.some((one) => isWhole(one) && sameKnock(made, one)),
    );
    const findings = strange.map(({ told }) => told);
    for (const made of tries) {
      // Similar terms draw some of the same ports: where the knock is complete under others, those
      // were meant.
      if (!isWhole(made) && strange.some((one) => sameHolder(one.made, made))) continue;
      findings.push(describeTry(made, await this.#facts(made, address, "all")));
    }
    const all = [...tries, ...strange.map(({ made }) => made)];
    if (all.length === 0) return [unrelated(hits, "", nowMs), ...changes];
    findings.sort((a, b) => (b.atMs ?? 0) - (a.atMs ?? 0));
    if (!this.#begins(all, hits)) return findings;
    return [unrelated(newerThan(all, hits), "newer ", nowMs), ...changes, ...findings];
  }

  /** Whether a client that means to knock may have sent the knocks that came after these tries. */
  #begins(tries: readonly Try[], hits: Memory["hits"]): boolean {
    return portCount(newerThan(tries, hits)) >= this.#leastKnocks();
  }

  /** Knocks that are whole by terms or keys that are not in force. */
  async #void(
    hits: Memory["hits"],
    source: Address,
  ): Promise<{ made: RotatingTry; told: WhyFinding }[]> {
    const { clock, configuration, unread } = this.#parts;
    const { settings, plan } = configuration();
    const grounds = {
      settings,
      subjects: plan.rotating,
      former: this.#former.doors,
      unread: unread(),
      used: this.#used,
      source,
      nowMs: clock.wallMs(),
    };
    const found: { made: RotatingTry; told: WhyFinding }[] = [];
    for (const { subjects, tell } of suspicions(grounds)) {
      for (const made of await this.#search(hits, { rotating: subjects, fixed: [] })) {
        if (made.kind !== "rotating" || !isWhole(made)) continue;
        const told = tell(made);
        if (told === undefined) continue;
        found.push({ made, told: { atMs: Math.round(made.lastMs), ...told } });
      }
    }
    return found;
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
    // A matcher forgets the user of a slot once nobody can use it again.
    const own = this.#used.find(made.subject, made.slot) ?? [];
    const uses = await this.#parts.ask({ type: "uses", door, user, device });
    return { source, nowMs, ports, uses: [own, ...uses].flat() };
  }

  /** After a stretch of a look. */
  async #rest(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, STRETCH_MS * IDLE_SHARE));
    this.#workingSinceMs = this.#parts.clock.monotonicMs();
  }

  #tries(hits: Memory["hits"], pause?: () => Promise<void>): Promise<Try[]> {
    return this.#search(hits, this.#parts.configuration().plan, pause);
  }

  /** Awaits `pause` after each stretch of work. */
  async #search(
    hits: Memory["hits"],
    among: Candidates,
    pause: () => Promise<void> = letOthersWork,
  ): Promise<Try[]> {
    const { clock } = this.#parts;
    const search = findTries(hits, among);
    let untilMs = clock.monotonicMs() + STRETCH_MS;
    for (;;) {
      const { done, value } = search.next();
      if (done === true) return value;
      if (clock.monotonicMs() < untilMs) continue;
      await pause();
      untilMs = clock.monotonicMs() + STRETCH_MS;
    }
  }
}

function letOthersWork(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** `which` is a word before "knocks", or empty. */
function unrelated(hits: Memory["hits"], which: string, nowMs: number): WhyFinding {
  const { timeMs } = hits.at(-1)!;
  const count = hits.length === 1 ? `1 ${which}knock was` : `${hits.length} ${which}knocks were`;
  const said = `${count} heard, the last at ${clockTime(timeMs, nowMs)}, and they are part of no sequence of any door, not even with a clock that is minutes off: is it a link of this server, made under its present terms, and of a key that still exists (sallyport user list)`;
  return { ...finding("unrelated", said), atMs: Math.round(timeMs) };
}

function isWhole(made: Try): boolean {
  return made.kind === "fixed" || made.missing.length === 0;
}

function heardShare(made: Try): number {
  return made.kind === "rotating"
    ? made.heard / made.subject.space.ports
    : made.accepted / made.subject.sequence.knocks.length;
}

function finding(kind: WhyFinding["kind"], sentence: string): WhyFinding {
  return { kind, sentence };
}
