/**
 * One daemon, from its start to its end: the real parts of both planes, tied together as
 * `control-plane/parts.ts` and `data-plane/data-plane.ts` tie them, on one thread.
 */

import type { Address } from "../../src/core/address.ts";
import type { Clock } from "../../src/core/clock.ts";
import { Counters } from "../../src/core/counters.ts";
import type { DaemonEvent } from "../../src/core/events.ts";
import type { Grant } from "../../src/core/grant.ts";
import type { Knock } from "../../src/core/knock.ts";
import { type Command, CommandQueue } from "../../src/control-plane/commands/command-queue.ts";
import type { Program } from "../../src/control-plane/commands/bare-launcher.ts";
import { DoorCommands } from "../../src/control-plane/commands/door-commands.ts";
import type { ReloadRequest } from "../../src/api/control.ts";
import { CurrentConfiguration } from "../../src/control-plane/current-configuration.ts";
import type { Explainer } from "../../src/control-plane/explain/explainer.ts";
import { readOrFallBack } from "../../src/control-plane/last-config.ts";
import { LastKeeper } from "../../src/control-plane/last-keeper.ts";
import { makeReloader } from "../../src/control-plane/make-reloader.ts";
import type { Reloader } from "../../src/control-plane/reloader.ts";
import { DataPlaneAccess } from "../../src/control-plane/data-plane-access.ts";
import type { DataPlaneLink } from "../../src/control-plane/data-plane-link.ts";
import { doDueWork } from "../../src/control-plane/due-work.ts";
import { auditGrants } from "../../src/control-plane/guard/grant-audit.ts";
import { GuardAudit } from "../../src/control-plane/guard/guard-audit.ts";
import { Housekeeping } from "../../src/control-plane/housekeeping.ts";
import { endWithKeys } from "../../src/control-plane/key-removal.ts";
import { LossWait } from "../../src/control-plane/loss-wait.ts";
import { Openings } from "../../src/control-plane/openings.ts";
import { OwedCloses } from "../../src/control-plane/owed-closes.ts";
import { PersistentState } from "../../src/control-plane/persistent-state.ts";
import { Readiness } from "../../src/control-plane/readiness.ts";
import type { ControlPlaneLink } from "../../src/data-plane/control-plane-link.ts";
import { EchoWatch } from "../../src/data-plane/echo-watch.ts";
import { EndWatch } from "../../src/data-plane/end-watch.ts";
import { fromFailure, toFailure } from "../../src/data-plane/failure.ts";
import { makeHandlers } from "../../src/data-plane/handlers.ts";
import { Hearing } from "../../src/data-plane/hearing.ts";
import type { Handlers, Reply, Request, RequestName, Told } from "../../src/data-plane/messages.ts";
import { Opening } from "../../src/data-plane/opening.ts";
import { packPlan, type Plan, unpackPlan } from "../../src/data-plane/plan.ts";
import type { TableChanges } from "../../src/data-plane/table-watch.ts";
import { type GrantKernel, KernelGrants } from "../../src/firewall/grants.ts";
import { HitLog } from "../../src/match/hit-log.ts";
import type { Polled } from "../../src/native/poll-set.ts";
import type { Agenda } from "./agenda.ts";
import { SimulatedCaptures } from "../support/captures.ts";
import type { SimulatedKernel } from "./kernel.ts";
import { endSessions, type LivingSession, sessionsAt } from "./living-sessions.ts";
import { simulatedGrantKernel, simulatedSets } from "./set-socket.ts";

/** A message between the two threads takes so long. */
const MESSAGE_MS = 0.05;

/** How often a start records the present time. */
const SEEN_MS = 60_000;

/** More than any crowd of grants that end together needs. */
const MOST_LOOKS = 10_000;

const EVENTS_FD = 1_000_001;

export interface DaemonParts {
  readonly agenda: Agenda;
  readonly kernel: SimulatedKernel;
  /** config.toml */
  readonly file: string;
  readonly folder: string;
  readonly bootId: string;
  readonly sessions: Set<LivingSession>;
  /** May throw: the process dies here. */
  readonly border: (where: string) => void;
  /** Does a piece of the daemon's work, in which it may die. */
  readonly run: (work: () => void) => void;
  readonly start: (command: Command) => Promise<Program>;
  /** An event reached the control plane, which is about to handle it. */
  readonly hearing: (event: DaemonEvent) => void;
  /** The control plane has handled it. */
  readonly heard: (event: DaemonEvent) => void;
  readonly note: (line: string) => void;
  /** The matcher is about to take a packet. */
  readonly feeding: (knock: Knock) => void;
  /** A grant by hand is about to be opened. */
  readonly opening: (request: Request<"open">) => void;
  /** A grant is about to be closed by hand. The result is called when that is done. */
  readonly closing: (id: string) => () => void;
  /** Another configuration is in force. */
  readonly entered: () => void;
}

export class Daemon {
  readonly #parts: DaemonParts;
  readonly #inbox: (() => void)[] = [];
  readonly #captures = new SimulatedCaptures((knock, feed) => {
    this.counters.add("knocks");
    this.#parts.feeding(knock);
    feed(knock);
    this.#hits.note(knock);
  });
  readonly #changes: { readonly origin: number; readonly tookOnce: boolean }[] = [];
  #wakeUp = 0;
  readonly counters = new Counters();
  readonly openings = new Openings();
  readonly persistent: PersistentState;
  readonly opening: Opening;
  readonly hearing: Hearing;
  readonly commands: DoorCommands;
  readonly lossWait: LossWait;
  readonly guard: GuardAudit;
  readonly readiness = new Readiness();
  readonly #access: DataPlaneAccess;
  readonly #keeper: LastKeeper;
  readonly #closes = new OwedCloses((id) => this.close(id));
  readonly #housekeeping: Housekeeping;
  readonly #ends: EndWatch;
  readonly #echoes = new EchoWatch();
  readonly #hits: HitLog;
  readonly #handlers: Handlers;
  readonly #queue: CommandQueue;
  readonly #reloader: Reloader;
  readonly inForce: CurrentConfiguration;
  /** Messages of the data plane that the control plane has not handled. */
  untold = 0;
  hasBegun = false;

  /** Throws SallyportError where neither the file nor the one that worked last can be used. */
  constructor(parts: DaemonParts) {
    const { agenda, kernel, folder, file, bootId } = parts;
    const { counters } = this;
    this.#parts = parts;
    const clock = mainClock(agenda);
    const inForce = new CurrentConfiguration(readOrFallBack(file, () => true));
    this.inForce = inForce;
    this.#hits = new HitLog(agenda.wallMs(), 32);
    const poll: Polled = {
      add: () => {},
      remove: () => {},
      ready: (fd) => fd === EVENTS_FD && this.#changes.length > 0,
    };
    const link = this.#linkUp();
    const opening = new Opening({
      clock: agenda,
      counters,
      poll,
      echoes: this.#echoes,
      link,
      kernel: {
        grants: () => this.#openGrants(1),
        events: () => this.#tableChanges(),
      },
    });
    this.opening = opening;
    this.hearing = new Hearing(unpackPlan(packPlan(this.inForce.plan)), false, {
      clock: agenda,
      counters,
      poll,
      hits: this.#hits,
      sink: opening,
      limits: { sourcesPerFamily: 64 },
      lost: parts.note,
      listen: (interfaces, heard, _mayStandIn, { matcher, before }) =>
        this.#captures.attach(matcher, JSON.stringify([interfaces, heard]), before),
    });
    this.#ends = new EndWatch(opening.ledger);
    this.#handlers = makeHandlers({
      clock: agenda,
      hits: this.#hits,
      hearing: this.hearing,
      opening,
      stop: () => {},
    });
    kernel.changed = (origin, tookOnce) => {
      if (origin === 1) return;
      this.#changes.push({ origin, tookOnce });
      this.#wake(MESSAGE_MS);
    };

    const report = ({ message }: { readonly message: string }) =>
      parts.note(message.replaceAll(folder, ""));
    const persistent = new PersistentState(folder, {
      nowMs: clock.wallMs(),
      bootId,
      bootedMs: () => agenda.wallMs() - agenda.monotonicMs(),
      kernelKept: () => kernel.remembers,
      report,
    });
    this.persistent = persistent;
    const ask = <Name extends RequestName>(request: Extract<Request, { type: Name }>) =>
      this.#ask(request);
    const access = new DataPlaneAccess({ ask } as unknown as DataPlaneLink);
    this.#access = access;
    const log = (_level: string, sentence: string) => parts.note(sentence);
    const queue = new CommandQueue({ log, counters, start: parts.start });
    this.#queue = queue;
    this.commands = new DoorCommands({
      queue,
      owed: persistent.owed,
      counters,
      behind: (doors) => void ask({ type: "behind", doors }).catch(() => undefined),
      ended: (end) => persistent.note({ type: "command.ended", atMs: clock.wallMs(), ...end }),
    });
    const configure = (plan: Plan) =>
      access.configure({ ...plan, uses: persistent.usesFor(plan.rotating) });
    this.lossWait = new LossWait({
      clock,
      readiness: this.readiness,
      persistent,
      subjects: () => inForce.plan.rotating,
      applyDoubt: () => configure(inForce.plan),
    });
    this.guard = new GuardAudit(this.inForce.settings, {
      clock,
      counters,
      readiness: this.readiness,
      held: () => ({
        ...this.openings.terms(),
        doubtMs: persistent.doubtMs(inForce.plan.rotating, clock.wallMs()),
      }),
      repairGrants: async () =>
        await auditGrants({
          grants: () => this.openings.grants(),
          doors: () => this.inForce.settings.doors,
          list: () => this.#openGrants(2).list(),
          ask,
        }),
      emit: (event) => this.#hear(event),
      note: (record) => persistent.note(record),
      report,
      goBack: () => this.#reloader.goBack(),
      otherwise: () => this.#reloader.otherwise,
      kernel: {
        load: (plan) => {
          parts.border("a load of the guard");
          kernel.load(plan);
          parts.border("the end of a load of the guard");
        },
        remove: () => kernel.flush(),
        loaded: () => kernel.hasTable,
        fingerprint: () => kernel.fingerprint,
        sessions: (ports) => sessionsAt(parts.sessions, ports),
        adopt: () => 0,
        // No other table is in this world.
        closedPorts: () => ({ ip: "reset", ip6: "reset" }),
        mayDenyUnheard: () => false,
      },
    });
    this.#keeper = new LastKeeper(() => this.guard.state, report);
    this.#housekeeping = new Housekeeping(() =>
      doDueWork({
        clock,
        lossWait: this.lossWait,
        commands: this.commands,
        keeper: this.#keeper,
        guard: this.guard,
        closes: this.#closes,
      }),
    );
    this.#reloader = makeReloader(
      { file, requireTrust: () => undefined },
      {
        clock,
        inForce,
        readiness: this.readiness,
        openings: this.openings,
        persistent,
        guard: this.guard,
        keeper: this.#keeper,
        // Explains, and decides nothing.
        explainer: { entered: () => undefined } as unknown as Explainer,
        // Would start the thread that starts commands, which this world does without.
        queue: { prepare: () => undefined } as unknown as CommandQueue,
        housekeeping: this.#housekeeping,
        configure,
        missing: () => [],
        entered: () => parts.entered(),
      },
    );
  }

  /** As `Daemon.#bringUp` of the control plane. */
  async start(): Promise<void> {
    const clock = mainClock(this.#parts.agenda);
    const { configuration, plan, settings } = this.inForce;
    this.guard.loadFirst(settings, undefined);
    const { uses, living: list } = await this.#access.begin(this.persistent.usesFor(plan.rotating));
    this.persistent.learn(uses, plan.rotating);
    this.guard.watch();
    setInterval(() => this.persistent.seen(clock.wallMs()), SEEN_MS);
    const living = await list;
    const now = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
    this.commands.adopt(living, settings.doors, now);
    this.lossWait.tell();
    this.#keeper.keep(configuration);
    this.#parts.entered();
    this.#housekeeping.now();
    this.hasBegun = true;
    this.#parts.note("the daemon has started");
  }

  /** A stop in order. */
  async stop(): Promise<void> {
    this.#housekeeping.stop();
    await this.#queue.stop();
    await this.guard.stop();
    await this.#ask({ type: "stop" });
    this.persistent.close(mainClock(this.#parts.agenda).wallMs(), true);
  }

  packet(knock: Knock): void {
    this.#captures.packet(knock);
    this.#wake(0);
  }

  async open(door: string, address: Address): Promise<Grant> {
    return await this.#access.to("open").ask({ type: "open", door, address });
  }

  async close(id: string): Promise<Grant | undefined> {
    return await this.#access.close(id);
  }

  async grants(): Promise<readonly Grant[]> {
    return await this.#access.grants();
  }

  async reload(request: ReloadRequest): Promise<void> {
    await this.#reloader.reload(request);
  }

  /** As `ControlService.reloadKeys`. */
  async reloadKeys(keepSessions: boolean): Promise<void> {
    const before = await this.#reloader.reloadKeys();
    if (keepSessions) return;
    const { keys, settings } = this.inForce.configuration;
    await endWithKeys({
      before: before.keys,
      now: keys,
      settings,
      grants: () => this.grants(),
      closes: this.#closes,
      flushAudit: () => this.persistent.audit.flush(),
      cut: (address, prefix6, ports) =>
        endSessions(this.#parts.sessions, address, prefix6, ports, () => false),
    });
  }

  async arm(forMs: number): Promise<void> {
    await this.#reloader.between(() => this.guard.arm(forMs), false);
  }

  async confirm(force: boolean): Promise<void> {
    await this.#reloader.between(() => this.guard.confirm(force), true);
  }

  /** Somebody set the clock, and the kernel says so. */
  clockWasSet(): void {
    this.#tell({ type: "clock" });
  }

  #linkUp(): Pick<ControlPlaneLink, "tell" | "emit"> {
    return {
      tell: (told) => this.#tell(told),
      emit: (event) => {
        this.counters.add("eventsTold");
        this.#tell({ type: "event", event });
      },
    };
  }

  #tell(told: Told): void {
    const { agenda, border, run } = this.#parts;
    border("a message to the control plane");
    this.untold++;
    agenda.after(MESSAGE_MS, () => {
      run(() => {
        this.untold--;
        this.#take(told);
      });
    });
  }

  #take(told: Told): void {
    this.#parts.border("the arrival of a message");
    if (told.type === "event") {
      this.#hear(told.event);
      this.counters.add("eventsHeard");
    } else if (told.type === "clock") {
      if (this.#access.hasBegun) this.#housekeeping.now();
    } else if (told.type === "touched") void this.guard.audit();
  }

  #hear(event: DaemonEvent): void {
    this.#parts.hearing(event);
    this.guard.hear(event);
    this.persistent.hear(event, this.inForce.plan.rotating);
    this.openings.hear(event);
    this.#closes.hear(event);
    this.commands.hear(event, this.inForce.settings.doors);
    this.#parts.heard(event);
  }

  #ask<Name extends RequestName>(request: Extract<Request, { type: Name }>): Promise<Reply<Name>> {
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

  #openGrants(portId: number): KernelGrants {
    const { kernel, agenda, border, sessions } = this.#parts;
    const sets = simulatedSets(kernel, agenda, portId, border);
    const end: GrantKernel["endSessions"] = (...which) => void endSessions(sessions, ...which);
    return KernelGrants.open(simulatedGrantKernel(sets, portId, end));
  }

  #tableChanges(): TableChanges {
    let tookOnce = false;
    return {
      fd: EVENTS_FD,
      drain: (own) => {
        const changes = this.#changes.splice(0).filter(({ origin }) => !own.has(origin));
        tookOnce ||= changes.some((change) => change.tookOnce);
        return changes.length > 0;
      },
      tookOnce: () => {
        const took = tookOnce;
        tookOnce = false;
        return took;
      },
      others: () => false,
      [Symbol.dispose]: () => {},
    };
  }
}

/** The clock of the main thread, which has no fractions. */
function mainClock(agenda: Agenda): Clock {
  return {
    wallMs: () => Math.floor(agenda.wallMs()),
    monotonicMs: () => agenda.monotonicMs(),
  };
}
