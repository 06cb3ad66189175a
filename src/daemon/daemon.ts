/** The daemon: builds the parts in order, ties them together, takes them down again. */

import {
  type Control,
  type DoorView,
  type Explanation,
  type Reason,
  REASONS,
} from "../api/control.ts";
import { listen, type Listening } from "../api/listen.ts";
import type { Address } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import { Counters } from "../core/counters.ts";
import { formatDuration } from "../core/duration.ts";
import { messageOf, SallyportError } from "../core/errors.ts";
import type { DaemonEvent } from "../core/events.ts";
import type { Grant } from "../core/grant.ts";
import { formatPortRange } from "../core/port.ts";
import { VERSION } from "../core/version.ts";
import type { StoreNotice } from "../store/state-file.ts";
import { ClockWatch } from "./clock-watch.ts";
import { AlarmCommand } from "./alarm-command.ts";
import { CommandQueue } from "./command-queue.ts";
import { type Configuration, guardedPorts, readConfiguration } from "./configuration.ts";
import { DataPlaneLink } from "./data-plane-link.ts";
import { problemsOfRules } from "./doctor/examine-rules.ts";
import { DoorCommands } from "./door-commands.ts";
import { Explainer } from "./explainer.ts";
import { Guardian } from "./guardian.ts";
import { describeEvent, log } from "./log.ts";
import { Openings } from "./openings.ts";
import { ProbationFile } from "./probation-file.ts";
import type { Plan } from "./plan.ts";
import { Readiness } from "./readiness.ts";
import { Recollection } from "./recollection.ts";

/** The kernel is compared with what is meant this often, even when no event says that somebody touched it. */
const AUDIT_MS = 30_000;

/** How often it is looked whether somebody came close to opening a door. */
const LOOK_MS = 2_000;

export class Daemon implements Control {
  readonly counters = new Counters();
  readonly startedMs: number;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #readiness = new Readiness();
  readonly #openings = new Openings();
  readonly #recollection: Recollection;
  readonly #queue = new CommandQueue(log);
  readonly #commands: DoorCommands;
  readonly #alarm: AlarmCommand;
  readonly #clockWatch: ClockWatch;
  readonly #explainer: Explainer;
  readonly #died = Promise.withResolvers<SallyportError>();
  readonly #guardian: Guardian;
  #configuration: Configuration;
  readonly #file: string;
  readonly #armMs: number | undefined;
  readonly #probationFile: ProbationFile;
  #probationTimer: NodeJS.Timeout | undefined;
  #auditTimer: NodeJS.Timeout | undefined;
  #secondTimer: NodeJS.Timeout | undefined;
  #minuteTimer: NodeJS.Timeout | undefined;
  #lookTimer: NodeJS.Timeout | undefined;
  #auditing: Promise<void> = Promise.resolve();
  #reloading: Promise<unknown> = Promise.resolve();
  #link: DataPlaneLink | undefined;
  #api: Listening | undefined;
  /** The data plane has begun; before that it cannot be asked. */
  #ready = false;

  /** `file` is read again by `reload`; with `armMs` the guard begins on probation. */
  constructor(file: string, configuration: Configuration, clock: Clock, armMs?: number) {
    this.#file = file;
    this.#armMs = armMs;
    this.#configuration = configuration;
    this.#probationFile = new ProbationFile(configuration.settings.server.stateDir);
    this.#clock = clock;
    this.#clockWatch = new ClockWatch(clock);
    this.#recollection = new Recollection(configuration.settings.server.stateDir, {
      nowMs: clock.wallMs(),
      report: (notice) => this.#storeSays(notice),
    });
    this.#commands = new DoorCommands(this.#queue, this.#recollection.owed, (end) => {
      this.#recollection.note({ type: "command.ended", atMs: clock.wallMs(), ...end });
    });
    this.#guardian = new Guardian(configuration.settings, clock);
    this.#alarm = new AlarmCommand(this.#queue, clock, log);
    this.#explainer = new Explainer({
      clock,
      configuration: () => this.#configuration,
      ask: (request) => this.#running("explain anything").ask(request),
      knocks: () => this.counters.get("knocks"),
      foreignRules: problemsOfRules,
      obstacles: () => this.readiness().map(({ code, detail }) => detail ?? REASONS[code]),
    });
    this.startedMs = clock.wallMs();
    this.#startedAt = clock.monotonicMs();
  }

  /** Resolves with the reason when the data plane dies by itself. */
  get died(): Promise<SallyportError> {
    return this.#died.promise;
  }

  /**
   * Brings everything up; when a step fails, the steps before it are undone and the guard is as it was.
   * The captures come before the guard, so that a machine that cannot hear knocks is not locked.
   */
  async start(): Promise<void> {
    const { settings, plan, warnings } = this.#configuration;
    for (const warning of warnings) log("warning", warning);
    this.#readiness.set("starting");
    this.#readiness.setKeys(plan);
    const guarded = Guardian.stands();
    try {
      this.#api = await listen(this, settings.api, {
        report: (error) => log("error", `A request failed: ${messageOf(error)}`),
      });
      this.#link = new DataPlaneLink(this.#withUses(plan), this.counters, {
        event: (event) => this.#hear(event),
        touched: () => void this.#audit(),
        died: (error) => this.#died.resolve(error),
      });
      const interfaces = await this.#link.attached;
      this.#readiness.setCaptures(settings.server.interfaces, interfaces);
      const adopted = this.#loadFirst();
      const { restored } = await this.#link.ask({ type: "begin" });
      this.#ready = true;
      this.counters.set("enforcedShare", 1);
      this.#auditTimer = setInterval(() => void this.#audit(), AUDIT_MS);
      this.#lookTimer = setInterval(() => void this.#look(), LOOK_MS);
      this.#secondTimer = setInterval(() => void this.#everySecond(), 1_000);
      this.#minuteTimer = setInterval(() => this.#recollection.seen(this.#clock.wallMs()), 60_000);
      this.#commands.adopt(await this.grants(), this.#clock.wallMs());
      this.#recollection.note({
        type: "daemon.started",
        atMs: this.#clock.wallMs(),
        version: VERSION,
      });
      this.#showWait();
      this.#readiness.clear("starting");
      this.#announce(interfaces, adopted, restored);
    } catch (error) {
      // A first start that fails must not leave a machine locked that was open before.
      if (!guarded) this.#guardian.remove();
      await this.stop("keep");
      throw error;
    }
  }

  #announce(interfaces: readonly string[], adopted: number, restored: number): void {
    const { settings } = this.#configuration;
    const ports = guardedPorts(settings).map(formatPortRange).join(", ") || "no port";
    const kept = [
      ...(adopted > 0 ? [`${counted(adopted, "living session")} kept`] : []),
      ...(restored > 0 ? [`${counted(restored, "grant")} brought back`] : []),
    ];
    const tail = kept.length > 0 ? ` (${kept.join(", ")})` : "";
    log("info", `Guarding ${ports}, listening on ${interfaces.join(", ")}${tail}`);
    log("info", `Health at ${this.#api!.url}healthz, control at ${settings.api.socket}`);
    for (const reason of this.readiness()) {
      log("warning", `Not ready: ${reason.detail ?? reason.code}`);
    }
    log("info", `Started in ${Math.round(this.uptimeMs())} ms`);
  }

  /** Permanent, as armed by the command line, or as a probation that an earlier daemon began goes on. */
  #loadFirst(): number {
    const { settings } = this.#configuration;
    const leftMs = this.#armMs ?? this.#probationFile.leftMs(this.#clock.wallMs());
    const adopted = this.#guardian.adopt();
    if (leftMs === undefined) {
      this.#guardian.load(settings);
      return adopted;
    }
    this.#guardian.arm(Math.max(1, leftMs));
    if (leftMs > 0) this.#probationFile.begin(this.#clock.wallMs() + leftMs);
    this.#watchProbation();
    return adopted;
  }

  /** The kernel ends a probation by itself; this notices, and tells. */
  #watchProbation(): void {
    clearTimeout(this.#probationTimer);
    const { lapsesInMs } = this.#guardian;
    if (lapsesInMs === undefined) {
      this.#readiness.clear("probation");
      return;
    }
    this.#readiness.clear("probation");
    this.#probationTimer = setTimeout(() => {
      if (!this.#guardian.lapse()) return this.#watchProbation();
      const sentence =
        "Nobody confirmed in time: nothing is guarded any more: begin again with sallyport arm";
      this.#readiness.set("probation", sentence);
      log("error", sentence);
    }, lapsesInMs);
  }

  async arm(forMs: number): Promise<string> {
    this.#running("arm");
    await this.#settleAudit();
    this.#guardian.arm(forMs);
    this.#probationFile.begin(this.#clock.wallMs() + forMs);
    this.#watchProbation();
    const sentence = `Guarding on probation for ${formatDuration(forMs)}: knock, connect, and run sallyport confirm there, or the ports open again`;
    log("warning", sentence);
    return sentence;
  }

  async confirm(force: boolean): Promise<string> {
    this.#running("confirm");
    await this.#settleAudit();
    this.#guardian.confirm(force);
    this.#probationFile.end();
    this.#watchProbation();
    const sentence = "Confirmed: the guard is permanent";
    log("info", sentence);
    return sentence;
  }

  /** Re-reads the configuration. A bad one changes nothing, throws, and the old one stays in force. */
  reload(): Promise<string> {
    // One after the other: what one takes back when it fails must be what stood before it.
    const reloaded = this.#reloading.then(() => this.#reloadOnce());
    this.#reloading = reloaded.catch(() => undefined);
    return reloaded;
  }

  async #reloadOnce(): Promise<string> {
    const file = this.#file;
    const next = readConfiguration(file);
    const before = this.#configuration;
    const link = this.#running("reload");
    await link.ask({ type: "configure", plan: this.#withUses(next.plan) });
    try {
      this.#guardian.adoptNew(next.settings);
      this.#guardian.load(next.settings);
    } catch (error) {
      await link.ask({ type: "configure", plan: this.#withUses(before.plan) });
      throw error;
    }
    this.#configuration = next;
    this.#readiness.setKeys(next.plan);
    this.#recollection.note({ type: "config.reloaded", atMs: this.#clock.wallMs(), file });
    for (const warning of next.warnings) log("warning", warning);
    const { listen: at, socket } = before.settings.api;
    const api = next.settings.api;
    if (at.host !== api.listen.host || at.port !== api.listen.port || socket !== api.socket) {
      log("warning", "A changed [api] takes effect at the next start");
    }
    const sentence = `Reloaded ${file}: ${counted(next.settings.doors.length, "door")}, ${counted(next.keys.length, "key")}`;
    log("info", sentence);
    return sentence;
  }

  /** Takes everything down. `guard`: "obey" does as on_stop says, "keep" leaves the guard as it is. */
  async stop(guard: "obey" | "keep" = "obey"): Promise<void> {
    this.#readiness.set("stopping");
    clearInterval(this.#auditTimer);
    clearInterval(this.#secondTimer);
    clearInterval(this.#minuteTimer);
    clearInterval(this.#lookTimer);
    clearTimeout(this.#probationTimer);
    await this.#auditing;
    await this.#link?.stop();
    if (guard === "obey" && this.#configuration.settings.guard.onStop === "open") {
      this.#guardian.remove();
      log(
        "warning",
        "The guard is removed, as guard.on_stop says: the ports are open to everybody",
      );
    }
    await this.#api?.stop();
    this.#queue.stop();
    const atMs = this.#clock.wallMs();
    this.#recollection.note({ type: "daemon.stopped", atMs, reason: guard });
    this.#recollection.close(atMs);
  }

  /** The plan with everything that must not open a door again. */
  #withUses(plan: Plan): Plan {
    return { ...plan, uses: this.#recollection.usesFor(plan.rotating) };
  }

  /** A clock that is set makes it doubtful again which knocks were used, where that is not known for sure. */
  async #everySecond(): Promise<void> {
    const stepMs = this.#clockWatch.step();
    if (stepMs !== 0) {
      const direction = stepMs > 0 ? "forward" : "back";
      log("warning", `The clock was set ${direction} by ${Math.round(Math.abs(stepMs) / 1_000)} s`);
      this.#recollection.clockWasSet(this.#clock.wallMs());
      if (this.#recollection.lost !== undefined) {
        const plan = this.#withUses(this.#configuration.plan);
        await this.#link!.ask({ type: "configure", plan });
      }
    }
    this.#commands.payDue(this.#clock.wallMs());
    this.#showWait();
  }

  /** After a loss of memory the rotating doors wait, and say so. */
  #showWait(): void {
    const untilMs = this.#recollection.waitsUntilMs(this.#configuration.plan.rotating);
    const leftMs = untilMs - this.#clock.wallMs();
    const waiting = this.#readiness.has("clock");
    if (leftMs <= 0) {
      if (waiting) log("info", "The wait is over: rotating doors open again");
      this.#readiness.clear("clock");
      return;
    }
    const reason = this.#recollection.lost;
    const sentence = `Rotating doors wait ${Math.ceil(leftMs / 1_000)} s, until no knock used before can open them: ${reason}`;
    this.#readiness.set("clock", sentence);
    if (waiting) return;
    log("warning", sentence);
    const atMs = this.#clock.wallMs();
    this.#recollection.note({ type: "uses.lost", atMs, reason: reason!, waitMs: leftMs });
  }

  #storeSays({ state, message }: StoreNotice): void {
    if (state === "failing") this.#readiness.set("state", message);
    if (state === "working") this.#readiness.clear("state");
    log(state === "working" ? "info" : "error", message);
    // Not while the stores are being opened: there is no log to write to yet.
    if (!this.#ready) return;
    this.#recollection.note({ type: `store.${state}`, atMs: this.#clock.wallMs(), message });
  }

  uptimeMs(): number {
    return this.#clock.monotonicMs() - this.#startedAt;
  }

  readiness(): readonly Reason[] {
    return this.#readiness.reasons();
  }

  doors(): readonly DoorView[] {
    const { doors } = this.#configuration.settings;
    return doors.map((door) => ({
      name: door.name,
      opens: door.opens.map(formatPortRange),
      knock: door.users.length > 0 ? "rotating" : "fixed",
      users: door.users,
      openFor: formatDuration(door.openForMs),
      grants: this.#openings.count(door.name),
    }));
  }

  async grants(): Promise<readonly Grant[]> {
    return await this.#running("list grants").ask({ type: "grants" });
  }

  async open(door: string, address: Address, forMs: number | undefined): Promise<Grant> {
    const life = forMs === undefined ? {} : { forMs };
    return await this.#running("open a door").ask({ type: "open", door, address, ...life });
  }

  async close(id: string): Promise<Grant | undefined> {
    return await this.#running("close a grant").ask({ type: "close", id });
  }

  async why(address: Address): Promise<Explanation> {
    this.#running("explain anything");
    return await this.#explainer.why(address);
  }

  /** Whether the data plane answers; what the watchdog of a service wants to know. */
  async answers(): Promise<boolean> {
    try {
      await this.#running("answer").ask({ type: "ping" });
      return true;
    } catch {
      return false;
    }
  }

  #running(operation: string): DataPlaneLink {
    if (this.#link !== undefined && this.#ready) return this.#link;
    throw new SallyportError(`Cannot ${operation}: the daemon is starting: try again in a moment`);
  }

  /** One audit at a time; what is touched during one is looked at by the next. */
  #audit(): Promise<void> {
    this.#auditing = this.#auditing.then(() => this.#auditOnce());
    return this.#auditing;
  }

  /** Nobody looks at the guard while it is being changed on purpose. */
  async #settleAudit(): Promise<void> {
    await this.#auditing;
  }

  /** Compares the kernel with what is meant, and puts back what is missing. */
  async #auditOnce(): Promise<void> {
    if (!this.#ready || this.#readiness.has("stopping")) return;
    const before = this.#clock.monotonicMs();
    try {
      // Says "I live" to the kernel, before it is compared: the load moves the end of open_after on.
      if (this.#guardian.refreshes && this.#guardian.intact()) this.#guardian.repair();
      const rules = !this.#guardian.intact();
      if (rules) {
        this.#readiness.set("firewall", "Somebody else changed the rule set; it is being repaired");
        this.#guardian.repair();
        this.counters.add("guardRepairs");
      }
      const { missing, intended, full } = await this.#link!.ask({ type: "reenter" });
      if (!full) this.#readiness.clear("full");
      this.counters.set("enforcedShare", rules ? 0 : intended === 0 ? 1 : 1 - missing / intended);
      this.#readiness.clear("firewall");
      if (!rules && missing === 0) return;
      const tookMs = this.#clock.monotonicMs() - before;
      const atMs = this.#clock.wallMs();
      this.#hear({ type: "guard.repaired", atMs, rules, grants: missing, tookMs });
    } catch (error) {
      this.counters.set("enforcedShare", 0);
      this.#readiness.set("firewall", messageOf(error));
      log("error", messageOf(error));
    }
  }

  /** Whoever came close and stopped gets a line in the log; an explanation that fails harms nobody. */
  async #look(): Promise<void> {
    try {
      await this.#explainer.look((sentence) => log("info", sentence));
    } catch (error) {
      if (!this.#readiness.has("stopping")) log("error", messageOf(error));
    }
  }

  #hear(event: DaemonEvent): void {
    const { level, sentence } = describeEvent(event);
    log(level, sentence);
    this.#readiness.hear(event);
    this.#guardian.hear(event);
    this.#recollection.hear(event, this.#configuration.plan.rotating);
    this.#openings.hear(event);
    this.#commands.hear(event, this.#configuration.settings.doors);
    this.#alarm.hear(event, this.#configuration.settings.alarm);
  }
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
