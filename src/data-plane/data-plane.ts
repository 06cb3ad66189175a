/**
 * The data plane: one loop around poll(2) that hears knocks and opens doors, with nothing in
 * between.
 */

import type { Clock } from "../core/clock.ts";
import { Counters } from "../core/counters.ts";
import { HitLog } from "../match/hit-log.ts";
import { ClockSets } from "../native/clock-sets.ts";
import { nap } from "../native/nap.ts";
import { PollSet } from "../native/poll-set.ts";
import { threadId } from "../native/thread-priority.ts";
import { CaptureWatch } from "./capture-watch.ts";
import { Collector } from "./collector.ts";
import { ControlPlaneLink } from "./control-plane-link.ts";
import { EchoWatch } from "./echo-watch.ts";
import { EndWatch } from "./end-watch.ts";
import { makeHandlers } from "./handlers.ts";
import { Hearing } from "./hearing.ts";
import type { DataPlaneStart, Handlers } from "./messages.ts";
import { Opening } from "./opening.ts";
import { Pace } from "./pace.ts";
import { unpackPlan } from "./plan.ts";

/** Sequences derived between two looks at the wire: about 0.1 ms of work. */
const DERIVATIONS = 256;

export class DataPlane {
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #poll = new PollSet();
  readonly #clockSets = new ClockSets();
  readonly #pace = new Pace();
  readonly #hits: HitLog;
  readonly #echoes = new EchoWatch();
  readonly #link: ControlPlaneLink;
  readonly #opening: Opening;
  readonly #hearing: Hearing;
  readonly #captures: CaptureWatch;
  readonly #ends: EndWatch;
  readonly #collector = new Collector();
  readonly #handlers: Handlers;
  #stopping = false;

  /** Attaches to the interfaces; knocks open nothing before the control plane sends `begin`. */
  constructor(start: DataPlaneStart, clock: Clock) {
    const counters = new Counters(start.counters);
    const hits = new HitLog(clock.wallMs());
    const link = new ControlPlaneLink(start, clock, counters);
    this.#clock = clock;
    this.#counters = counters;
    this.#hits = hits;
    this.#link = link;
    this.#poll.add(link.fd);
    this.#poll.add(this.#clockSets.fd);
    const shared = { clock, counters, hits, poll: this.#poll, echoes: this.#echoes, link };
    const opening = new Opening(shared);
    const hearing = new Hearing(unpackPlan(start.plan), start.mayStandIn, {
      ...shared,
      sink: opening,
      lost: (sentence) => this.#captures.lost(sentence),
    });
    const stop = () => void (this.#stopping = true);
    this.#opening = opening;
    this.#hearing = hearing;
    this.#captures = new CaptureWatch(hearing, counters, link);
    this.#ends = new EndWatch(opening.ledger);
    this.#handlers = makeHandlers({ clock, hits, hearing, opening, stop });
    link.tell({ type: "attached", interfaces: hearing.listener.attached, thread: threadId() });
  }

  /** Runs until a request stops it. */
  run(): void {
    while (!this.#stopping) {
      const waiting = this.#hearing.matcher.prepare(this.#clock.wallMs(), DERIVATIONS);
      const warmth = this.#opening.warmth;
      if (!waiting && warmth?.isRising === true) warmth.rise();
      const busy =
        waiting ||
        this.#echoes.isDue(this.#clock.monotonicMs()) ||
        this.#ends.hasMore ||
        warmth?.isRising === true;
      const happened = this.#poll.wait(busy ? 0 : this.#sleepMs()) > 0;
      this.#opening.watchTable();
      const matcher = this.#hearing.matcher;
      if (this.#poll.ready(this.#link.fd)) this.#link.serve(this.#handlers);
      if (this.#hearing.matcher !== matcher) this.#collector.replaced();
      if (this.#stopping) break;
      if (this.#poll.ready(this.#clockSets.fd) && this.#clockSets.drain()) {
        this.#link.tell({ type: "clock" });
      }
      const before = this.#counters.get("packets");
      for (const sentence of this.#hearing.listener.drain()) this.#captures.lost(sentence);
      const nowMs = this.#clock.monotonicMs();
      this.#ends.look(this.#opening.doorkeeper, nowMs);
      this.#listenForEchoes(nowMs);
      if (happened) this.#captures.happened(nowMs);
      if (nowMs >= this.#captures.dueMs) this.#captures.look(nowMs);
      const packets = this.#counters.get("packets") - before;
      const napMs = this.#pace.after(packets, nowMs);
      if (!busy) this.#collector.look(packets, this.#counters.get("grantsOpened"), nowMs);
      if (napMs > 0 && !busy) nap(napMs);
    }
    this.#hearing[Symbol.dispose]();
    this.#opening[Symbol.dispose]();
    this.#clockSets.close();
  }

  /** The time until the first job that no descriptor announces. */
  #sleepMs(): number {
    const nowMs = this.#clock.monotonicMs();
    const { dueMs } = this.#captures;
    const firstMs = Math.min(
      dueMs,
      this.#echoes.nextDueMs,
      this.#ends.dueMs(nowMs),
      this.#collector.dueMs,
    );
    return Math.max(0, firstMs - nowMs);
  }

  /** One at a time, so that a crowd of uses does not hold up the wire. */
  #listenForEchoes(nowMs: number): void {
    const looked = this.#echoes.next(nowMs, this.#hits);
    if (looked?.echo === undefined) return;
    const { subject, slot } = looked.echo.use;
    if (this.#hearing.matcher.reportReuse(subject, slot)) {
      this.#opening.doorkeeper?.echoed(looked.echo);
    }
  }
}
