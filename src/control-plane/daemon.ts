/** The life of the daemon: brings its parts up in order, and takes them down again. */

import type { Control } from "../api/control.ts";
import type { StandingConfig } from "../config/find.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Grant } from "../core/grant.ts";
import { VERSION } from "../core/version.ts";
import { type Configuration, denyOf } from "./configuration.ts";
import { GuardLoader, type GuardState } from "./guard/guard-loader.ts";
import { HeapWatch } from "./heap-watch.ts";
import { placeOfMistake } from "./last-config.ts";
import { log } from "./log.ts";
import { prepareCommands } from "./make-reloader.ts";
import { buildParts, type Death, type Parts } from "./parts.ts";
import { describeStartChanges } from "./start-changes.ts";
import { describeLeftOwed, startReport } from "./start-report.ts";
import { stopReport } from "./stop-report.ts";
import { within } from "./within.ts";

/** The longest wait of a stop for a command and for an audit, which may go on without it. */
const PATIENCE_MS = 350;

/**
 * The longest wait for the data plane. It replies at once, on a slow and busy machine after a
 * second; without its last events the next boot has to doubt every used knock.
 */
const LAST_EVENTS_MS = 5_000;

/** How often the present time is recorded for the next start. */
const SEEN_MS = 60_000;

export interface DaemonOptions {
  /** The guard begins on a probation of this length. */
  readonly armMs?: number | undefined;
  /** Receives `summary` whenever another configuration comes into force. */
  readonly entered?: (summary: string) => void;
  /** It must hear knocks: where none of the interfaces exists, it listens on all there are. Default: it does not start. */
  readonly mayStandIn?: boolean;
}

export class Daemon {
  readonly #parts: Parts;
  readonly #armMs: number | undefined;
  readonly #heap = new HeapWatch();
  #seenTimer: NodeJS.Timeout | undefined;

  /** `config` is read again by a reload. */
  constructor(
    config: StandingConfig,
    configuration: Configuration,
    clock: Clock,
    { armMs, entered = () => {}, mayStandIn = false }: DaemonOptions = {},
  ) {
    this.#armMs = armMs;
    this.#parts = buildParts(config, configuration, clock, { entered, mayStandIn });
  }

  get control(): Control {
    return this.#parts.control;
  }

  /** Resolves with the reason when it cannot go on. */
  get died(): Promise<Death> {
    return this.#parts.died;
  }

  /** One line for the service manager; anybody may read it. */
  get summary(): string {
    return this.#parts.summary();
  }

  /** Whether the data plane replies. */
  answers(): Promise<boolean> {
    return this.#parts.dataPlane.answers();
  }

  /**
   * Starts everything. When a step fails, the earlier steps are undone and the guard is as before.
   * The captures come before the guard, so that a machine that cannot hear knocks is not locked.
   * Call it once for every daemon that was made: until it has failed or `stop` was called, a thread
   * runs.
   */
  async start(): Promise<void> {
    const { inForce, readiness, guard } = this.#parts;
    const { plan, warnings, mistake } = inForce.configuration;
    if (mistake !== undefined) {
      const told = `${mistake}\nGuarding and opening by the files that worked last: mend it and run sallyport reload`;
      log("error", told);
      readiness.set("config", told, placeOfMistake(mistake));
    }
    for (const warning of warnings) log("warning", warning);
    readiness.set("starting");
    readiness.setKeys(plan);
    let guarded = true;
    try {
      guarded = GuardLoader.stands();
      await this.#bringUp();
    } catch (error) {
      // A failed first start must not lock a machine that was open before.
      if (!guarded) guard.remove();
      await this.stop("keep", `it could not start: ${messageOf(error)}`);
      throw error;
    }
  }

  async #bringUp(): Promise<void> {
    const { inForce, clock, readiness, guard, link, dataPlane, persistent, api } = this.#parts;
    const { settings, plan } = inForce.configuration;
    await api.start();
    // While the data plane attaches.
    const askedMs = clock.monotonicMs();
    const deny = denyOf(settings);
    const tookMs = clock.monotonicMs() - askedMs;
    const interfaces = await link.attached;
    readiness.setCaptures(settings.server.interfaces, interfaces);
    const adopted = guard.loadFirst(settings, this.#armMs, deny, tookMs);
    const {
      restored,
      uses,
      living: list,
    } = await dataPlane.begin(persistent.usesFor(plan.rotating));
    persistent.learn(uses, plan.rotating);
    guard.watch();
    this.#heap.start();
    this.#seenTimer = setInterval(() => persistent.seen(clock.wallMs()), SEEN_MS);
    this.#payOwed(await list);
    persistent.note({ type: "daemon.started", atMs: clock.wallMs(), version: VERSION });
    this.#parts.lossWait.tell();
    for (const change of describeStartChanges(inForce.configuration)) log("warning", change);
    this.#parts.keeper.keep(inForce.configuration);
    readiness.clear("starting");
    const { places } = api;
    const { state } = guard;
    this.#tellStart(startReport({ settings, state, interfaces, adopted, restored, places }));
    // Takes a fiftieth of a second.
    prepareCommands(this.#parts.queue, inForce);
    this.#parts.housekeeping.now();
  }

  #payOwed(living: readonly Grant[]): void {
    const { inForce, clock, commands, persistent } = this.#parts;
    const { doors, server } = inForce.settings;
    commands.adopt(living, doors, { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() });
    const leftOwed = describeLeftOwed(persistent.owed.leftCount, server.stateDir);
    if (leftOwed !== undefined) log("warning", leftOwed);
  }

  #tellStart(lines: readonly string[]): void {
    const { readiness, control } = this.#parts;
    for (const line of lines) log("info", line);
    for (const { code, detail } of readiness.reasons()) {
      log("warning", `Not ready: ${detail ?? code}`);
    }
    log("info", `Started in ${Math.round(control.uptimeMs())} ms`);
  }

  /** Listens for commands again where somebody removed the socket; does not reject. */
  listen(): Promise<void> {
    return this.#parts.api.start();
  }

  /**
   * Takes everything down, in less than two seconds unless the data plane hangs: all that must not
   * be lost is on the disk before any listener goes. `guard`: "obey" follows on_stop, "keep" leaves
   * the guard as it is; `reason` is for the audit log, a signal or a clause.
   */
  async stop(guard: "obey" | "keep", reason: string): Promise<void> {
    const parts = this.#parts;
    parts.readiness.set("stopping");
    clearInterval(this.#seenTimer);
    this.#heap.stop();
    parts.nearMissWatch.stop();
    parts.afterStart.stop();
    parts.housekeeping.stop();
    const waited = [
      await within(PATIENCE_MS, parts.queue.stop()),
      await within(PATIENCE_MS, parts.guard.stop()),
      await within(LAST_EVENTS_MS, parts.link.stop()),
    ];
    if (guard === "obey") this.#obeyOnStop();
    const atMs = parts.clock.wallMs();
    const left = guardLeft(parts.guard.state);
    // Whoever makes room on a full disk may restart the daemon at once.
    parts.keeper.again();
    parts.guard.keepAgain();
    parts.persistent.note({ type: "daemon.stopped", atMs, reason, ...left });
    parts.persistent.close(atMs, waited[2] === true);
    parts.api.stop();
    const names = ["a command", "an audit of the guard", "the data plane"];
    const hung = names.filter((_, i) => waited[i] === false);
    if (hung.length > 0) log("warning", `Did not wait for ${hung.join(" and ")} any longer`);
  }

  #obeyOnStop(): void {
    const { inForce, guard } = this.#parts;
    const { settings } = inForce;
    if (settings.guard.onStop === "open") guard.remove();
    const { state, leftMs } = guard;
    const told = stopReport({ settings, state, ...(leftMs !== undefined && { leftMs }) });
    if (told !== undefined) log("warning", told);
  }
}

/**
 * The state of the guard after a stop, as far as it is visible; the table of a lapsed one may
 * remain and guards nothing.
 */
function guardLeft(state: GuardState): { readonly guard?: "stays" | "removed" } {
  try {
    return { guard: state !== "lapsed" && GuardLoader.stands() ? "stays" : "removed" };
  } catch {
    return {};
  }
}
