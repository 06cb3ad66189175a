/** The data plane: one loop around poll(2) that hears knocks and opens doors, with nothing in between. */

import { receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import type { Address } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import { Counters } from "../core/counters.ts";
import type { DaemonEvent } from "../core/events.ts";
import { TableEvents } from "../firewall/events.ts";
import { KernelGrants } from "../firewall/grants.ts";
import { HitLog } from "../match/hit-log.ts";
import { Matcher } from "../match/matcher.ts";
import { ClockSets } from "../native/clock-sets.ts";
import type { KnownUse } from "../match/subject.ts";
import { EventFd } from "../native/event-fd.ts";
import { nap } from "../native/nap.ts";
import { PollSet } from "../native/poll-set.ts";
import { threadId } from "../native/thread-priority.ts";
import { Doorkeeper } from "./doorkeeper.ts";
import { EchoWatch } from "./echo-watch.ts";
import { toFailure } from "./failure.ts";
import { Ledger, type LedgerPage } from "./ledger.ts";
import { Listener } from "./listener.ts";
import type { Answers, Asked, DataPlaneStart, Memory, Request, Told } from "./messages.ts";
import { Pace } from "./pace.ts";
import { type Plan, unpackPlan } from "./plan.ts";
import { WarmUp } from "./warm-up.ts";
import { carryUses, rememberUses, restoreGrants, restoreUses } from "./restore-from-kernel.ts";

/** So long after something happened, and while something is amiss, drop counts and interfaces are looked after. */
const TICK_MS = 500;

/** In silence the loop wakes so often in a slot, to have the sequences of the next one ready before it begins. */
const LOOKS_A_SLOT = 4;

/** Ends of grants are told at most this often, so that thousands of them do not busy the loop. */
const EXPIRY_GRAIN_MS = 50;

/** Sequences derived between two looks at the wire: about 0.1 ms of work. */
const DERIVATIONS = 256;

/** Ends of grants told between two looks at the wire: about 0.3 ms of work. */
const ENDED_AT_ONCE = 32;

/**
 * The kernel tells nobody that a packet spent a grant for one connection: so often the data plane looks
 * while there are any, at some of them: a look-up takes a hundredth of a millisecond.
 */
const ONCE_LOOK_MS = 200;
const ONCE_AT_A_LOOK = 64;

/** A source that has not knocked for so long has ended its try. */
const QUIET_MS = 2_000;

/** Knocks of the warm-up played between two looks at the wire: about a millisecond of work. */
const PLAYED_AT_ONCE = 10;

export class DataPlane {
  readonly #clock: Clock;
  readonly #port: MessagePort;
  readonly #wake: EventFd;
  readonly #counters: Counters;
  readonly #poll = new PollSet();
  readonly #ledger = new Ledger();
  readonly #hits: HitLog;
  readonly #echoes = new EchoWatch();
  #plan: Plan;
  #listener: Listener;
  #matcher: Matcher;
  #doorkeeper: Doorkeeper | undefined;
  #firewall: KernelGrants | undefined;
  #events: TableEvents | undefined;
  #warmUp: WarmUp | undefined;
  #warming = false;
  #warm = false;
  readonly #clockSets = new ClockSets();
  readonly #pace = new Pace();
  #nextTickMs = 0;
  #nextOnceMs = 0;
  /** Knocks counted when the control plane was last told that there were some. */
  #knocksTold = 0;
  /** More grants have ended than were told of. */
  #ending = false;
  #dropping = false;
  #stopping = false;

  /** Attaches to the interfaces; knocks open nothing before the control plane says `begin`. */
  constructor(start: DataPlaneStart, clock: Clock) {
    this.#clock = clock;
    this.#port = start.port;
    this.#wake = EventFd.of(start.wakeFd);
    this.#counters = new Counters(start.counters);
    this.#plan = unpackPlan(start.plan);
    this.#hits = new HitLog(clock.wallMs());
    this.#matcher = this.#makeMatcher(this.#plan);
    this.#poll.add(this.#wake.fd);
    this.#poll.add(this.#clockSets.fd);
    this.#listener = this.#makeListener(this.#plan);
    this.#tell({
      type: "attached",
      interfaces: this.#listener.attached,
      thread: threadId(),
    });
  }

  /** Runs until it is told to stop. */
  run(): void {
    while (!this.#stopping) {
      const waiting = this.#matcher.prepare(this.#clock.wallMs(), DERIVATIONS);
      if (!waiting && this.#warming) this.#warmUpSome();
      const echoing = this.#echoes.isDue(this.#clock.monotonicMs());
      const busy = waiting || echoing || this.#ending || this.#warming;
      const happened = this.#poll.wait(busy ? 0 : this.#sleepMs()) > 0;
      this.#watchTable();
      if (this.#poll.ready(this.#wake.fd)) this.#answerRequests();
      if (this.#stopping) break;
      if (this.#poll.ready(this.#clockSets.fd) && this.#clockSets.drain()) {
        this.#tell({ type: "clock" });
      }
      const before = this.#counters.get("packets");
      for (const sentence of this.#listener.drain()) this.#fault("capture", sentence);
      const nowMs = this.#clock.monotonicMs();
      this.#ending =
        nowMs >= this.#ledger.nextEndMs && this.#doorkeeper?.expire(ENDED_AT_ONCE) === true;
      if (this.#ledger.onceSize > 0 && nowMs >= this.#nextOnceMs) this.#lookAtOnce(nowMs);
      this.#listenForEchoes(nowMs);
      if (happened) this.#nextTickMs = Math.min(this.#nextTickMs, nowMs + TICK_MS);
      if (nowMs >= this.#nextTickMs) this.#tick(nowMs);
      const napMs = this.#pace.after(this.#counters.get("packets") - before, nowMs);
      if (napMs > 0 && !busy) nap(napMs);
    }
    this.#listener[Symbol.dispose]();
    this.#events?.[Symbol.dispose]();
    this.#firewall?.[Symbol.dispose]();
    this.#clockSets.close();
  }

  #warmUpSome(): void {
    this.#warming = this.#warmUp?.step(PLAYED_AT_ONCE) === true;
    if (this.#warming || this.#warm) return;
    this.#warm = true;
    // 18 MB of garbage, which would stay for as long as nothing else is allocated here.
    Bun.gc(true);
    this.#tell({ type: "warm" });
  }

  /** Until the first thing that no descriptor tells of. */
  #sleepMs(): number {
    const nowMs = this.#clock.monotonicMs();
    const endMs = Math.max(this.#ledger.nextEndMs, nowMs + EXPIRY_GRAIN_MS);
    const onceMs = this.#ledger.onceSize > 0 ? this.#nextOnceMs : Infinity;
    const firstMs = Math.min(this.#nextTickMs, this.#echoes.nextDueMs, endMs, onceMs);
    return Math.max(0, firstMs - nowMs);
  }

  #lookAtOnce(nowMs: number): void {
    this.#doorkeeper?.ends.lookAtOnce(ONCE_AT_A_LOOK);
    this.#nextOnceMs = nowMs + ONCE_LOOK_MS;
  }

  /** How long nothing has to be looked after when nothing happens and nothing is amiss. */
  #restMs(): number {
    let shortest = Infinity;
    for (const { users, space } of this.#plan.doors) {
      if (users.length > 0) shortest = Math.min(shortest, space.stepSeconds);
    }
    return (shortest * 1_000) / LOOKS_A_SLOT;
  }

  #tick(nowMs: number): void {
    const { fresh: dropped, lost } = this.#listener.countDrops();
    for (const sentence of lost) this.#fault("capture", sentence);
    if (dropped > 0 && !this.#dropping) {
      this.#fault(
        "drops",
        `Cannot keep up with the packets: the kernel dropped ${dropped} of them: knocks may be missed until the flood ends`,
      );
    }
    if (dropped === 0 && this.#dropping) this.#recovered("drops", "No packet is dropped any more");
    this.#dropping = dropped > 0;

    const missing = this.#listener.missing.length;
    if (missing > 0) {
      this.#listener.attachMissing();
      if (this.#listener.missing.length < missing) {
        this.#recovered("capture", `Listening on ${this.#listener.attached.join(", ")}`);
      }
    }
    const { sources4, sources6, evicted } = this.#matcher.stats;
    this.#counters.set("sources4", sources4);
    this.#counters.set("sources6", sources6);
    this.#counters.set("sourcesEvicted", evicted);

    const knocks = this.#counters.get("knocks");
    if (knocks !== this.#knocksTold) this.#tell({ type: "heard" });
    this.#knocksTold = knocks;
    const amiss = this.#dropping || this.#listener.missing.length > 0;
    this.#nextTickMs = nowMs + (amiss ? TICK_MS : this.#restMs());
  }

  #answerRequests(): void {
    this.#wake.clear();
    for (;;) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      const { id, request }: Asked = received.message;
      try {
        this.#tell({ type: "answer", id, value: this.#answer(request) });
      } catch (error) {
        this.#tell({ type: "refusal", id, failure: toFailure(error) });
      }
    }
  }

  #answer(request: Request): Answers[Request["type"]] {
    switch (request.type) {
      case "begin":
        return { restored: this.#begin(request.uses) };
      case "configure":
        return this.#configure(unpackPlan(request.plan));
      case "open":
        return this.#begun().open(request.door, request.address, request.forMs);
      case "close":
        return this.#begun().closeByHand(request.id);
      case "grants":
        return this.#grants(request);
      case "why":
        return this.#remembered(request.address);
      case "uses":
        return this.#matcher.usesOf(request);
      case "quiet":
        return this.#hits.quiet(this.#clock.wallMs(), QUIET_MS, request.least, request.most);
      case "warm-up":
        this.#warmUp?.again();
        this.#warming = this.#warmUp !== undefined;
        return null;
      case "ping":
        return null;
      case "repair-grants":
        return this.#begun().repairGrants(request.ids);
      case "remember":
        return this.#remember(request);
      case "behind":
        this.#begun().setBehind(request.doors);
        return null;
      case "stop":
        this.#stopping = true;
        return null;
    }
  }

  /** A page of what the kernel has: packets may have moved an end, or been the only ones let in. */
  #grants({ after, most }: { readonly after: number; readonly most: number }): LedgerPage {
    const page = () =>
      this.#ledger.page(this.#clock.monotonicMs(), this.#clock.wallMs(), after, most);
    this.#doorkeeper?.ends.refresh(page().grants);
    return page();
  }

  #remembered(address: Address): Memory {
    return {
      hits: this.#hits.of(address),
      sinceMs: this.#hits.completeSinceMs(address),
      grants: this.#doorkeeper?.grantsOf(address) ?? [],
    };
  }

  /** One at a time, so that a crowd of uses does not hold up the wire. */
  #listenForEchoes(nowMs: number): void {
    const looked = this.#echoes.next(nowMs, this.#hits);
    if (looked?.echo === undefined) return;
    const { subject, slot } = looked.echo.use;
    if (this.#matcher.reportReuse(subject, slot)) this.#doorkeeper?.echoed(looked.echo);
  }

  /** Our own grants carry our socket's id in the event; what the control plane loads is told apart by its audit. */
  #watchTable(): void {
    const events = this.#events;
    if (events === undefined || !this.#poll.ready(events.fd)) return;
    if (events.drain(new Set([this.#firewall!.portId]))) this.#tell({ type: "touched" });
    if (events.tookOnce()) this.#doorkeeper?.ends.taken();
  }

  #begin(uses: readonly KnownUse[]): number {
    for (const use of uses) this.#matcher.markUsed(use);
    const firewall = KernelGrants.open();
    this.#firewall = firewall;
    this.#events = new TableEvents();
    this.#poll.add(this.#events.fd);
    restoreUses(this.#matcher, this.#plan.rotating, firewall.uses(), this.#clock.wallMs());
    const shared = restoreGrants(this.#ledger, firewall.listOwned(), this.#clock);
    const living = this.#ledger.list(this.#clock.monotonicMs(), this.#clock.wallMs());
    for (const grant of living) {
      this.#emit({ type: "grant.restored", atMs: this.#clock.wallMs(), grant });
    }
    this.#counters.set("grantsLive", this.#ledger.size);
    this.#doorkeeper = new Doorkeeper(this.#plan.doors, {
      firewall,
      ledger: this.#ledger,
      counters: this.#counters,
      clock: this.#clock,
      emit: (event) => this.#emit(event),
    });
    this.#doorkeeper.ends.tidy(shared);
    this.#warmUp = new WarmUp(firewall, this.#clock);
    this.#warming = true;
    return living.length;
  }

  #remember(some: { readonly after: number; readonly most: number }): Answers["remember"] {
    this.#begun();
    const { rotating } = this.#plan;
    const nowMs = this.#clock.wallMs();
    const next = rememberUses(this.#firewall!, this.#matcher, rotating, nowMs, some);
    return next === undefined ? {} : { next };
  }

  #begun(): Doorkeeper {
    if (this.#doorkeeper === undefined) throw new Error("the data plane was asked before it began");
    return this.#doorkeeper;
  }

  /** New captures are attached before the old ones go: no knock falls in between. */
  #configure(plan: Plan): null {
    const before = this.#listener;
    const matcher = this.#makeMatcher(plan);
    carryUses(
      { matcher: this.#matcher, subjects: this.#plan.rotating },
      { matcher, subjects: plan.rotating },
    );
    // Nor has one a source that an earlier daemon heard and did not live to write down.
    const known = this.#firewall?.uses() ?? [];
    restoreUses(matcher, plan.rotating, known, this.#clock.wallMs());
    const listener = this.#makeListener(plan, matcher);
    this.#matcher = matcher;
    this.#listener = listener;
    this.#plan = plan;
    this.#doorkeeper?.replaceDoors(plan.doors);
    before[Symbol.dispose]();
    return null;
  }

  #makeMatcher(plan: Plan): Matcher {
    const matcher = new Matcher(
      { rotating: plan.rotating, fixed: plan.fixed },
      {
        // Before `begin` nothing can be opened, so nothing is spent either.
        rotating: (match) => {
          const verdict = this.#doorkeeper?.rotating(match) ?? "kept";
          if (verdict === "spent") this.#echoes.expect(match, this.#clock.monotonicMs());
          return verdict;
        },
        fixed: (match) => this.#doorkeeper?.fixed(match),
        repeated: (match) => this.#doorkeeper?.repeated(match),
        reused: (match, first, firstMs) => this.#doorkeeper?.reused(match, first, firstMs),
      },
    );
    for (const use of plan.uses) matcher.markUsed(use);
    return matcher;
  }

  #makeListener(plan: Plan, matcher = this.#matcher): Listener {
    return new Listener(plan.interfaces, plan.heard, {
      matcher,
      hits: this.#hits,
      counters: this.#counters,
      poll: this.#poll,
    });
  }

  #fault(part: "capture" | "drops", message: string): void {
    this.#emit({ type: "fault", atMs: this.#clock.wallMs(), part, message });
  }

  #recovered(part: "capture" | "drops", message: string): void {
    this.#emit({ type: "recovered", atMs: this.#clock.wallMs(), part, message });
  }

  #emit(event: DaemonEvent): void {
    this.#counters.add("eventsTold");
    this.#tell({ type: "event", event });
  }

  #tell(told: Told): void {
    this.#port.postMessage(told);
  }
}

/** What a thread says before it ends, so that the other can print the sentence. */
export function tellFailure(port: MessagePort, error: unknown): void {
  port.postMessage({ type: "failed", failure: toFailure(error) } satisfies Told);
}
