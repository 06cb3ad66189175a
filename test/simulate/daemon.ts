/**
 * One daemon, from its start to its end: the real parts of its control plane, tied together as
 * `control-plane/parts.ts` ties them, and its data plane, on one thread.
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
import type { Hearing } from "../../src/data-plane/hearing.ts";
import type { Request, RequestName, Told } from "../../src/data-plane/messages.ts";
import type { Opening } from "../../src/data-plane/opening.ts";
import type { Plan } from "../../src/data-plane/plan.ts";
import type { Agenda } from "./agenda.ts";
import { type DataPlaneParts, MESSAGE_MS, SimulatedDataPlane } from "./data-plane.ts";
import { guardKernel } from "./guard-kernel.ts";
import { endSessions } from "./living-sessions.ts";
import { openGrants } from "./set-socket.ts";

/** The control plane's socket for grants. */
const CONTROL_PORT_ID = 2;

/** How often a start records the present time. */
const SEEN_MS = 60_000;

export interface DaemonParts extends DataPlaneParts {
  /** config.toml */
  readonly file: string;
  readonly folder: string;
  readonly bootId: string;
  readonly start: (command: Command) => Promise<Program>;
  /** An event reached the control plane, which is about to handle it. */
  readonly hearing: (event: DaemonEvent) => void;
  /** The control plane has handled it. */
  readonly heard: (event: DaemonEvent) => void;
  /** Another configuration is in force. */
  readonly entered: () => void;
}

export class Daemon {
  readonly #parts: DaemonParts;
  readonly counters = new Counters();
  readonly openings = new Openings();
  readonly persistent: PersistentState;
  readonly #dataPlane: SimulatedDataPlane;
  readonly commands: DoorCommands;
  readonly lossWait: LossWait;
  readonly guard: GuardAudit;
  readonly readiness = new Readiness();
  readonly #access: DataPlaneAccess;
  readonly #keeper: LastKeeper;
  readonly #closes = new OwedCloses((id) => this.close(id));
  readonly #housekeeping: Housekeeping;
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
    const dataPlane = new SimulatedDataPlane(
      inForce.plan,
      counters,
      (told) => this.#tell(told),
      parts,
    );
    this.#dataPlane = dataPlane;
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
      dataPlane.ask(request);
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
          list: () => openGrants(parts, CONTROL_PORT_ID).list(),
          ask,
        }),
      emit: (event) => this.#hear(event),
      note: (record) => persistent.note(record),
      report,
      goBack: () => this.#reloader.goBack(),
      otherwise: () => this.#reloader.otherwise,
      kernel: guardKernel(parts),
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
    await this.#dataPlane.ask({ type: "stop" });
    this.persistent.close(mainClock(this.#parts.agenda).wallMs(), true);
  }

  get opening(): Opening {
    return this.#dataPlane.opening;
  }

  get hearing(): Hearing {
    return this.#dataPlane.hearing;
  }

  packet(knock: Knock): void {
    this.#dataPlane.packet(knock);
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
    const before = await this.#reloader.reloadKeys({ yes: true });
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
}

/** The clock of the main thread, which has no fractions. */
function mainClock(agenda: Agenda): Clock {
  return {
    wallMs: () => Math.floor(agenda.wallMs()),
    monotonicMs: () => agenda.monotonicMs(),
  };
}
