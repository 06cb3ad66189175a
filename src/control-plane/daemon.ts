/** The daemon: builds the parts in order, ties them together, answers the API, takes them down again. */

import {
  type Control,
  type DoorView,
  type Explanation,
  type KeysTold,
  type ProbationView,
  type Reason,
  REASONS,
  type ReloadRequest,
  type ReloadTold,
} from "../api/control.ts";
import { keysFile } from "../keys/keys.ts";
import type { Address } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import { Counters } from "../core/counters.ts";
import { messageOf, SallyportError } from "../core/errors.ts";
import type { DaemonEvent } from "../core/events.ts";
import type { Grant } from "../core/grant.ts";
import { VERSION } from "../core/version.ts";
import type { StoreNotice } from "../store/state-file.ts";
import { ApiListeners } from "./api-listeners.ts";
import { AlarmCommand } from "./commands/alarm-command.ts";
import { CommandQueue } from "./commands/command-queue.ts";
import type { Configuration } from "./configuration.ts";
import { DataPlaneLink } from "./data-plane-link.ts";
import { problemsOfRules } from "../foreign-rules/examine-rules.ts";
import { DoorCommands } from "./commands/door-commands.ts";
import { viewDoors } from "./door-views.ts";
import { Explainer } from "./explain/explainer.ts";
import { openersAt } from "./audit-access.ts";
import { type Audited, auditGrants, listKernelGrants } from "./guard/grant-audit.ts";
import { GuardAudit } from "./guard/guard-audit.ts";
import { GuardLoader, type GuardState } from "./guard/guard-loader.ts";
import { endWithKeys } from "./key-removal.ts";
import { KeysWatch } from "./keys-watch.ts";
import { keepConfig, placeOfMistake } from "./last-config.ts";
import type { LedgerPage } from "../data-plane/ledger.ts";
import { describeEvent, log, onDroppedLine } from "./log.ts";
import { NearMissWatch } from "./near-miss-watch.ts";
import { describeKeyChange } from "./lost-keys.ts";
import { LossWait } from "./loss-wait.ts";
import { Openings } from "./openings.ts";
import { packPlan, type Plan } from "../data-plane/plan.ts";
import { Readiness } from "./readiness.ts";
import { PersistentState } from "./persistent-state.ts";
import { Reloader } from "./reloader.ts";
import { AfterStart } from "./after-start.ts";
import { counted, describeLeftOwed, startReport } from "./start-report.ts";
import { stopReport } from "./stop-report.ts";
import { Housekeeping } from "./housekeeping.ts";
import { within } from "./within.ts";

/** How long a stop waits, at most, for each of the three that it ends. */
const PATIENCE_MS = 350;

/** How often it is written down, for the next start, that this time has been. */
const SEEN_MS = 60_000;

/** Grants kept over a start that get a line each in the log; what is said of the start counts them all. */
const MOST_KEPT_TOLD = 20;

/** Grants that the data plane lists at a time: about 0.3 ms of its work. */
const LISTED_AT_ONCE = 128;

/** As the service manager shows it. */
const GUARDING = {
  permanent: "guarding",
  probation: "guarding on probation (see sallyport status)",
  lapsed: "guarding nothing (nobody confirmed the probation)",
} as const satisfies Record<GuardState, string>;

export interface DaemonOptions {
  /** The guard begins on a probation of so long. */
  readonly armMs?: number | undefined;
  /** Hears `summary` whenever another configuration is in force. */
  readonly entered?: (summary: string) => void;
}

/** What stands in the kernel after a stop, as far as it can be seen: a table may stand that guards nothing any more. */
function guardLeft(state: GuardState): { readonly guard?: "stays" | "removed" } {
  try {
    return { guard: state !== "lapsed" && GuardLoader.stands() ? "stays" : "removed" };
  } catch {
    return {};
  }
}

export class Daemon implements Control {
  readonly counters = new Counters();
  readonly startedMs: number;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #readiness = new Readiness();
  readonly #openings = new Openings();
  readonly #persistent: PersistentState;
  readonly #queue = new CommandQueue({ log, counters: this.counters });
  readonly #commands: DoorCommands;
  readonly #alarm: AlarmCommand;
  readonly #lossWait: LossWait;
  readonly #explainer: Explainer;
  readonly #died = Promise.withResolvers<SallyportError>();
  readonly #guard: GuardAudit;
  readonly #reloader: Reloader;
  readonly #keysWatch: KeysWatch;
  #configuration: Configuration;
  readonly #armMs: number | undefined;
  readonly #entered: (summary: string) => void;
  readonly #nearMissWatch = new NearMissWatch(() => this.#look());
  readonly #afterStart = new AfterStart(() => this.#link.ask({ type: "warm-up" }));
  readonly #housekeeping = new Housekeeping(() => this.#keepUp());
  #seenTimer: NodeJS.Timeout | undefined;
  readonly #link: DataPlaneLink;
  readonly #api: ApiListeners;
  #kept = 0;
  /** The data plane has begun; before that it cannot be asked. */
  #ready = false;

  /** `file` is read again by `reload`. */
  constructor(
    file: string,
    configuration: Configuration,
    clock: Clock,
    { armMs, entered = () => {} }: DaemonOptions = {},
  ) {
    this.#armMs = armMs;
    this.#entered = entered;
    this.#configuration = configuration;
    this.#clock = clock;
    onDroppedLine(() => this.counters.add("logLinesDropped"));
    // First of all: its thread starts and attaches while this one opens what lies on the disk.
    this.#link = new DataPlaneLink(configuration.plan, this.counters, {
      event: (event) => {
        this.#hear(event);
        this.counters.add("eventsHeard");
      },
      warm: () => this.#afterStart.begin(),
      heard: () => {
        if (this.#ready) this.#nearMissWatch.heard();
      },
      clockSet: () => {
        if (this.#ready) this.#housekeeping.now();
      },
      touched: () => void this.#guard.audit(),
      died: (error) => this.#died.resolve(error),
    });
    this.#persistent = new PersistentState(configuration.settings.server.stateDir, {
      nowMs: clock.wallMs(),
      report: (notice) => this.#storeSays(notice),
    });
    this.#commands = new DoorCommands({
      queue: this.#queue,
      owed: this.#persistent.owed,
      counters: this.counters,
      behind: (doors) => {
        this.#readiness.setBehind(doors);
        // Refused while the data plane ends, which opens nothing any more.
        this.#link.ask({ type: "behind", doors }).catch(() => undefined);
      },
      ended: (end) => {
        this.#persistent.note({ type: "command.ended", atMs: clock.wallMs(), ...end });
      },
    });
    this.#lossWait = new LossWait({
      clock,
      readiness: this.#readiness,
      persistent: this.#persistent,
      subjects: () => this.#configuration.plan.rotating,
      applyDoubt: () => this.#configure(this.#configuration.plan),
    });
    this.#guard = new GuardAudit(configuration.settings, {
      clock,
      counters: this.counters,
      readiness: this.#readiness,
      heldIdleMs: () => this.#openings.idleMs(),
      repairGrants: () => this.#auditGrants(),
      emit: (event) => this.#hear(event),
      note: (record) => {
        this.#persistent.note(record);
        this.#entered(this.summary);
      },
      goBack: () => this.#reloader.goBack(),
      otherwise: () => this.#reloader.otherwise,
    });
    this.#reloader = new Reloader({
      file,
      current: () => this.#configuration,
      configure: (plan) => this.#configure(plan),
      guard: (settings, forMs) => this.#guard.replace(settings, forMs),
      guardForGood: (settings) => this.#guard.restore(settings),
      guardState: () => this.#guard.state,
      grantsOf: (door) => this.#openings.count(door),
      openers: ({ address }) => {
        this.#persistent.audit.flush();
        return openersAt(this.#configuration.settings.server.stateDir, address);
      },
      entered: (next, kept) => {
        this.#enter(next);
        if (kept) keepConfig(next);
      },
      keysEntered: (next) => {
        this.#enter(next);
        keepConfig(next);
      },
      reloaded: () => {
        this.#persistent.note({ type: "config.reloaded", atMs: clock.wallMs(), file });
      },
      reverted: () => {
        this.#persistent.note({ type: "config.reverted", atMs: clock.wallMs(), file });
      },
      refused: (error) => {
        const message = `Reload refused: ${messageOf(error)}`;
        this.#persistent.note({ type: "config.refused", atMs: clock.wallMs(), message });
      },
    });
    this.#keysWatch = new KeysWatch(
      configuration.settings.server.stateDir,
      () => this.#configuration.keysDigest,
    );
    this.#alarm = new AlarmCommand(this.#queue, clock, log);
    this.#explainer = new Explainer({
      clock,
      configuration: () => this.#configuration,
      ask: (request) => this.#running("explain anything").ask(request),
      knocks: () => this.counters.get("knocks"),
      foreignRules: problemsOfRules,
      unread: () => this.#keysWatch.unread(),
      notices: () => this.notices(),
      obstacles: () => this.readiness().map(({ code, detail }) => detail ?? REASONS[code]),
    });
    this.#api = new ApiListeners({
      control: this,
      api: configuration.settings.api,
      readiness: this.#readiness,
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
   * The captures come before the guard, so that a machine that cannot hear knocks is not locked. Call it
   * once for every daemon that was made: until it has failed or `stop` was called, a thread runs.
   */
  async start(): Promise<void> {
    const { settings, plan, warnings, mistake } = this.#configuration;
    if (mistake !== undefined) {
      const told = `${mistake}\nGuarding and opening by what worked last: mend it and run sallyport reload`;
      log("error", told);
      this.#readiness.set("config", told, placeOfMistake(mistake));
    }
    for (const warning of warnings) log("warning", warning);
    this.#readiness.set("starting");
    this.#readiness.setKeys(plan);
    let guarded = true;
    try {
      guarded = GuardLoader.stands();
      await this.#api.start();
      const interfaces = await this.#link.attached;
      this.#readiness.setCaptures(settings.server.interfaces, interfaces);
      const adopted = this.#guard.loadFirst(settings, this.#armMs);
      const { restored } = await this.#link.ask({
        type: "begin",
        uses: this.#persistent.usesFor(plan.rotating),
      });
      this.#ready = true;
      this.#guard.watch();
      this.#seenTimer = setInterval(() => this.#persistent.seen(this.#clock.wallMs()), SEEN_MS);
      this.#commands.adopt(await this.grants(), settings.doors, this.#clock.wallMs());
      const leftOwed = describeLeftOwed(this.#persistent.owed.leftCount, settings.server.stateDir);
      if (leftOwed !== undefined) log("warning", leftOwed);
      this.#persistent.note({
        type: "daemon.started",
        atMs: this.#clock.wallMs(),
        version: VERSION,
      });
      this.#lossWait.tell();
      keepConfig(this.#configuration);
      this.#prepareCommands();
      this.#readiness.clear("starting");
      const { places } = this.#api;
      const { state } = this.#guard;
      for (const line of startReport({ settings, state, interfaces, adopted, restored, places })) {
        log("info", line);
      }
      for (const { code, detail } of this.readiness())
        log("warning", `Not ready: ${detail ?? code}`);
      log("info", `Started in ${Math.round(this.uptimeMs())} ms`);
      this.#housekeeping.now();
    } catch (error) {
      // A first start that fails must not leave a machine locked that was open before.
      if (!guarded) this.#guard.remove();
      await this.stop("keep", `it could not start: ${messageOf(error)}`);
      throw error;
    }
  }

  async arm(forMs: number): Promise<string> {
    this.#running("arm");
    return await this.#reloader.between(() => this.#guard.arm(forMs), false);
  }

  async confirm(force: boolean): Promise<string> {
    this.#running("confirm");
    return await this.#reloader.between(() => this.#guard.confirm(force), true);
  }

  reload(request: ReloadRequest = {}): Promise<ReloadTold> {
    return this.#reloader.reload(request);
  }

  async reloadKeys(keepSessions: boolean): Promise<KeysTold> {
    this.#running("read the keys again");
    const before = await this.#reloader.reloadKeys();
    const { keys, settings } = this.#configuration;
    const ended = keepSessions
      ? { grants: [], sessions: [] }
      : await endWithKeys({
          before: before.keys,
          now: keys,
          settings,
          grants: () => this.grants(),
          close: (id) => this.close(id),
          flushAudit: () => this.#persistent.audit.flush(),
        });
    const file = keysFile(settings.server.stateDir);
    const change = describeKeyChange(before.keys, keys);
    const done = `Read ${file} again: ${counted(keys.length, "key")}, ${change}`;
    log("info", done);
    this.#persistent.note({ type: "keys.reloaded", atMs: this.#clock.wallMs(), file, change });
    return { done, file, ended: ended.grants, cut: ended.sessions };
  }

  notices(): readonly string[] {
    return [this.#reloader.notice, this.#keysWatch.changed()].filter((said) => said !== undefined);
  }

  probation(): ProbationView | undefined {
    const { leftMs } = this.#guard;
    if (leftMs === undefined) return undefined;
    return { untilMs: this.#clock.wallMs() + leftMs, otherwise: this.#reloader.otherwise };
  }

  /** One line for the service manager; anybody may read it. */
  get summary(): string {
    const { mistake } = this.#configuration;
    const guarding = GUARDING[this.#guard.state];
    if (mistake === undefined) return guarding;
    return `${guarding} and opening by what worked last: ${placeOfMistake(mistake) ?? "the configuration"} is broken: mend it and reload`;
  }

  #enter(next: Configuration): void {
    this.#explainer.entered(this.#configuration.settings, next.settings);
    this.#configuration = next;
    if (next.mistake === undefined) this.#readiness.clear("config");
    this.#entered(this.summary);
    this.#prepareCommands();
    this.#readiness.setKeys(next.plan);
    this.#housekeeping.now();
  }

  #prepareCommands(): void {
    const { doors, alarm } = this.#configuration.settings;
    if (alarm !== undefined || doors.some(({ run }) => run?.privileged === false)) {
      this.#queue.prepare();
    }
  }

  /**
   * Takes everything down, in less than two seconds whatever hangs: what must not be lost is on the disk
   * before any listener goes. `guard`: "obey" does as on_stop says, "keep" leaves the guard as it
   * is; `reason` is what the audit log will say, a signal or a clause.
   */
  async stop(guard: "obey" | "keep", reason: string): Promise<void> {
    this.#readiness.set("stopping");
    clearInterval(this.#seenTimer);
    this.#nearMissWatch.stop();
    this.#afterStart.stop();
    this.#housekeeping.stop();
    const waited = [
      await within(PATIENCE_MS, this.#queue.stop()),
      await within(PATIENCE_MS, this.#guard.stop()),
      await within(PATIENCE_MS, this.#link.stop()),
    ];
    if (guard === "obey") this.#obeyOnStop();
    const atMs = this.#clock.wallMs();
    this.#persistent.note({
      type: "daemon.stopped",
      atMs,
      reason,
      ...guardLeft(this.#guard.state),
    });
    this.#persistent.close(atMs, waited[2] === true);
    this.#api.stop();
    const names = ["a command", "an audit of the guard", "the data plane"];
    const hung = names.filter((_, i) => waited[i] === false);
    if (hung.length > 0) log("warning", `Did not wait for ${hung.join(" and ")} any longer`);
  }

  #obeyOnStop(): void {
    const { settings } = this.#configuration;
    if (settings.guard.onStop === "open") this.#guard.remove();
    const { state, leftMs } = this.#guard;
    const told = stopReport({ settings, state, ...(leftMs !== undefined && { leftMs }) });
    if (told !== undefined) log("warning", told);
  }

  /** The plan with everything that must not open a door again. */
  #withUses(plan: Plan): Plan {
    return { ...plan, uses: this.#persistent.usesFor(plan.rotating) };
  }

  async #configure(plan: Plan): Promise<void> {
    await this.#running("reload").ask({
      type: "configure",
      plan: packPlan(this.#withUses(plan)),
    });
  }

  /** What depends on the time of day; answers whether something waits for its time. */
  async #keepUp(): Promise<boolean> {
    let unapplied = false;
    try {
      await this.#lossWait.watchClock();
    } catch (error) {
      unapplied = true;
      log("error", messageOf(error));
    }
    const owes = this.#commands.payDue(this.#clock.wallMs());
    return this.#lossWait.tell() || owes || unapplied;
  }

  #storeSays({ state, message }: StoreNotice): void {
    if (state === "failing") this.#readiness.set("state", message);
    if (state === "working") this.#readiness.clear("state");
    log(state === "working" ? "info" : "error", message);
    // Not while the stores are being opened: there is no log to write to yet.
    if (!this.#ready) return;
    this.#persistent.note({ type: `store.${state}`, atMs: this.#clock.wallMs(), message });
  }

  uptimeMs(): number {
    return this.#clock.monotonicMs() - this.#startedAt;
  }

  readiness(): readonly Reason[] {
    return this.#readiness.reasons();
  }

  doors(): readonly DoorView[] {
    return viewDoors(this.#configuration.settings.doors, this.#openings);
  }

  async grants(): Promise<readonly Grant[]> {
    const link = this.#running("list grants");
    const all: Grant[] = [];
    for (let after: number | undefined = 0; after !== undefined;) {
      const page: LedgerPage = await link.ask({ type: "grants", after, most: LISTED_AT_ONCE });
      all.push(...page.grants);
      after = page.next;
    }
    return all;
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

  async #auditGrants(): Promise<Audited> {
    const link = this.#running("audit the guard");
    return await auditGrants({
      grants: () => this.#openings.grants(),
      doors: () => this.#configuration.settings.doors,
      list: listKernelGrants,
      ask: (request) => link.ask(request),
    });
  }

  #running(operation: string): DataPlaneLink {
    if (this.#ready) return this.#link;
    throw new SallyportError(`Cannot ${operation}: the daemon is starting: try again in a moment`);
  }

  /** Whoever came close and stopped gets a line in the log; an explanation that fails harms nobody. */
  async #look(): Promise<boolean> {
    try {
      return await this.#explainer.look((sentence) => log("info", sentence));
    } catch (error) {
      if (!this.#readiness.has("stopping")) log("error", messageOf(error));
      return false;
    }
  }

  #hear(event: DaemonEvent): void {
    const { level, sentence } = describeEvent(event);
    if (event.type !== "grant.restored" || ++this.#kept <= MOST_KEPT_TOLD) log(level, sentence);
    this.#readiness.hear(event);
    this.#guard.hear(event);
    this.#persistent.hear(event, this.#configuration.plan.rotating);
    this.#openings.hear(event);
    this.#explainer.hear(event);
    this.#commands.hear(event, this.#configuration.settings.doors);
    this.#alarm.hear(event, this.#configuration.settings.alarm);
  }
}
