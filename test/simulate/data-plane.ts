/**
 * The data plane of one daemon: the real parts, tied together as `data-plane/data-plane.ts` ties them, and
 * its loop, each turn of which is a firing of the agenda.
 */

import type { Counters } from "../../src/core/counters.ts";
import type { Knock } from "../../src/core/knock.ts";
import { EchoWatch } from "../../src/data-plane/echo-watch.ts";
import { EndWatch } from "../../src/data-plane/end-watch.ts";
import { fromFailure, toFailure } from "../../src/data-plane/failure.ts";
import { makeHandlers } from "../../src/data-plane/handlers.ts";
import { Hearing } from "../../src/data-plane/hearing.ts";
import type { Handlers, Reply, Request, RequestName, Told } from "../../src/data-plane/messages.ts";
import { Opening } from "../../src/data-plane/opening.ts";
import { packPlan, type Plan, unpackPlan } from "../../src/data-plane/plan.ts";
import { HitLog } from "../../src/match/hit-log.ts";
import type { Polled } from "../../src/native/poll-set.ts";
import type { Agenda } from "./agenda.ts";
import { SimulatedCaptures } from "../support/captures.ts";
import type { SimulatedKernel } from "./kernel.ts";
import type { LivingSession } from "./living-sessions.ts";
import { openGrants } from "./set-socket.ts";
import { TableNotices } from "./table-notices.ts";

/** A message between the two threads takes so long. */
export const MESSAGE_MS = 0.05;

/** More than any crowd of grants that end together needs. */
const MOST_LOOKS = 10_000;

/** Its socket for grants. */
const PORT_ID = 1;

export interface DataPlaneParts {
  readonly agenda: Agenda;
  readonly kernel: SimulatedKernel;
  readonly sessions: Set<LivingSession>;
  /** May throw: the process dies here. */
  readonly border: (where: string) => void;
  /** Does a piece of the daemon's work, in which it may die. */
  readonly run: (work: () => void) => void;
  readonly note: (line: string) => void;
  /** The matcher is about to take a packet. */
  readonly feeding: (knock: Knock) => void;
  /** A grant by hand is about to be opened. */
  readonly opening: (request: Request<"open">) => void;
  /** A grant is about to be closed by hand. The result is called when that is done. */
  readonly closing: (id: string) => () => void;
}

export class SimulatedDataPlane {
  readonly #parts: DataPlaneParts;
  readonly #inbox: (() => void)[] = [];
  readonly #captures: SimulatedCaptures;
  readonly #notices = new TableNotices();
  #wakeUp = 0;
  readonly opening: Opening;
  readonly hearing: Hearing;
  readonly #ends: EndWatch;
  readonly #echoes = new EchoWatch();
  readonly #hits: HitLog;
  readonly #handlers: Handlers;

  /** `tell` sends a message to the control plane. */
  constructor(plan: Plan, counters: Counters, tell: (told: Told) => void, parts: DataPlaneParts) {
    this.#parts = parts;
    const { agenda, kernel } = parts;
    this.#hits = new HitLog(agenda.wallMs(), 32);
    this.#captures = new SimulatedCaptures((knock, feed) => {
      counters.add("knocks");
      parts.feeding(knock);
      feed(knock);
      this.#hits.note(knock);
    });
    const poll: Polled = {
      add: () => {},
      remove: () => {},
      ready: (fd) => this.#notices.isReady(fd),
    };
    this.opening = new Opening({
      clock: agenda,
      counters,
      poll,
      echoes: this.#echoes,
      link: {
        tell,
        emit: (event) => {
          counters.add("eventsTold");
          tell({ type: "event", event });
        },
      },
      kernel: {
        grants: () => openGrants(parts, PORT_ID),
        events: () => this.#notices.open(),
      },
    });
    this.hearing = new Hearing(unpackPlan(packPlan(plan)), false, {
      clock: agenda,
      counters,
      poll,
      hits: this.#hits,
      sink: this.opening,
      limits: { sourcesPerFamily: 64 },
      lost: parts.note,
      listen: (interfaces, heard, _mayStandIn, { matcher, before }) =>
        this.#captures.attach(matcher, JSON.stringify([interfaces, heard]), before),
    });
    this.#ends = new EndWatch(this.opening.ledger);
    this.#handlers = makeHandlers({
      clock: agenda,
      hits: this.#hits,
      hearing: this.hearing,
      opening: this.opening,
      stop: () => {},
    });
    kernel.changed = (origin, tookOnce) => {
      if (origin === PORT_ID) return;
      this.#notices.add({ origin, tookOnce });
      this.#wake(MESSAGE_MS);
    };
  }

  packet(knock: Knock): void {
    this.#captures.packet(knock);
    this.#wake(0);
  }

  /** A request of the control plane, whose promise the reply keeps. */
  ask<Name extends RequestName>(request: Extract<Request, { type: Name }>): Promise<Reply<Name>> {
    const { agenda, run, border } = this.#parts;
    const { promise, resolve, reject } = Promise.withResolvers<Reply<Name>>();
    border("a request to the data plane");
    this.#inbox.push(() => {
      let settle: () => void;
      try {
        const asked: Request = request;
        if (asked.type === "open") this.#parts.opening(asked);
        const closed = asked.type === "close" ? this.#parts.closing(asked.id) : undefined;
        const handler = this.#handlers[request.type] as (asked: typeof request) => Reply<Name>;
        const reply = handler(request);
        closed?.();
        settle = () => resolve(reply);
      } catch (error) {
        settle = () => reject(fromFailure(toFailure(error)));
      }
      border("a reply of the data plane");
      agenda.after(MESSAGE_MS, () => run(settle));
    });
    this.#wake(MESSAGE_MS);
    return promise;
  }

  #wake(ms: number): void {
    const { agenda, run } = this.#parts;
    const number = ++this.#wakeUp;
    agenda.after(ms, () => run(() => this.#turn(number)));
  }

  /** Once round the loop of the data plane. */
  #turn(number: number): void {
    const { agenda } = this.#parts;
    while (this.hearing.matcher.prepare(agenda.wallMs(), 256));
    this.opening.watchTable();
    for (const serve of this.#inbox.splice(0)) serve();
    this.hearing.listener.takeWaiting();
    const { doorkeeper } = this.opening;
    let looks = 0;
    do {
      this.#ends.look(doorkeeper, agenda.monotonicMs());
      if (++looks > MOST_LOOKS) throw new Error("ends of grants are told without an end");
    } while (this.#ends.hasMore);
    this.#listenForEchoes();
    if (number !== this.#wakeUp) return;
    const nowMs = agenda.monotonicMs();
    const rest = Math.min(
      this.#ends.dueMs(nowMs) - nowMs,
      this.#echoes.nextDueMs - nowMs,
      this.hearing.restMs(),
    );
    this.#wake(Math.max(rest, 0.02));
  }

  #listenForEchoes(): void {
    const { agenda } = this.#parts;
    for (;;) {
      const looked = this.#echoes.next(agenda.monotonicMs(), this.#hits);
      if (looked === undefined) return;
      if (looked.echo === undefined) continue;
      const { subject, slot } = looked.echo.use;
      if (this.hearing.matcher.reportReuse(subject, slot)) {
        this.opening.doorkeeper?.echoed(looked.echo);
      }
    }
  }
}
