/** The parts of the daemon, built in order and tied together. */

import { REASONS } from "../api/control.ts";
import type { StandingConfig } from "../config/find.ts";
import type { Clock } from "../core/clock.ts";
import type { CommandEnd } from "../core/command-end.ts";
import { Counters } from "../core/counters.ts";
import { ExitCode } from "../core/errors.ts";
import type { Plan } from "../data-plane/plan.ts";
import { problemsOfRules } from "../foreign-rules/examine-rules.ts";
import { AfterStart } from "./after-start.ts";
import { ApiListeners } from "./api-listeners.ts";
import { AlarmCommand } from "./commands/alarm-command.ts";
import { CommandQueue } from "./commands/command-queue.ts";
import { DoorCommands } from "./commands/door-commands.ts";
import type { Configuration } from "./configuration.ts";
import { ControlService } from "./control-service.ts";
import { DataPlaneAccess } from "./data-plane-access.ts";
import { DataPlaneLink } from "./data-plane-link.ts";
import { doDueWork } from "./due-work.ts";
import { type EventListener, toEach } from "./event-listener.ts";
import { EventLog } from "./event-log.ts";
import { Explainer } from "./explain/explainer.ts";
import { FailingFiles } from "./failing-files.ts";
import { Housekeeping } from "./housekeeping.ts";
import { LastKeeper } from "./last-keeper.ts";
import { CurrentConfiguration } from "./current-configuration.ts";
import { KeysWatch } from "./keys-watch.ts";
import { log, onDroppedLine } from "./log.ts";
import { LossWait } from "./loss-wait.ts";
import { makeGuardAudit } from "./make-guard-audit.ts";
import { makeReloader } from "./make-reloader.ts";
import { tellNearMisses } from "./near-miss-lines.ts";
import { missingInterfaces } from "./missing-interfaces.ts";
import { NearMissWatch } from "./near-miss-watch.ts";
import { Openings } from "./openings.ts";
import { GuardLoader } from "./guard/guard-loader.ts";
import type { StoreNotice } from "../store/state-file.ts";
import { OwedCloses } from "./owed-closes.ts";
import { PersistentState } from "./persistent-state.ts";
import { Readiness } from "./readiness.ts";
import { summarize } from "./summary.ts";

export type Parts = ReturnType<typeof buildParts>;

/** Why the daemon ends although nobody asked it to, a clause. */
export interface Death {
  readonly clause: string;
  readonly exitCode: ExitCode;
}

export interface Circumstances {
  /** Hears the summary whenever the configuration or the guard changes. */
  readonly entered: (summary: string) => void;
  /** Where none of the interfaces exists, listens on all there are. */
  readonly mayStandIn: boolean;
}

/** A reload reads `config` again. A thread runs from now on, until `link` is stopped. */
export function buildParts(
  config: StandingConfig,
  configuration: Configuration,
  clock: Clock,
  { entered, mayStandIn }: Circumstances,
) {
  const { stateDir } = configuration.settings.server;
  const inForce = new CurrentConfiguration(configuration);
  const counters = new Counters();
  const readiness = new Readiness();
  const failingFiles = new FailingFiles(readiness);
  const openings = new Openings();
  const queue = new CommandQueue({ log, counters });
  const died = Promise.withResolvers<Death>();
  const events = toEach(() => listeners);
  onDroppedLine(() => counters.add("logLinesDropped"));

  // First of all: its thread starts and attaches while this one opens files.
  const link = new DataPlaneLink(configuration.plan, mayStandIn, counters, {
    event: (event) => {
      events.hear(event);
      counters.add("eventsHeard");
    },
    warm: () => afterStart.begin(),
    heard: () => {
      if (dataPlane.hasBegun) nearMissWatch.heard();
    },
    clockSet: () => {
      if (dataPlane.hasBegun) housekeeping.now();
    },
    touched: () => void guard.audit(),
    others: () => guard.heardOthers(),
    died: ({ message, exitCode }) =>
      died.resolve({ clause: `the data plane ended: ${message}`, exitCode }),
  });
  const dataPlane = new DataPlaneAccess(link);
  const report = (notice: StoreNotice) => {
    const { state, message, elsewhere } = notice;
    if (elsewhere === true) died.resolve(mountedOver(stateDir));
    failingFiles.hear(notice);
    log(state === "working" ? "info" : "error", message);
    // Not while the stores are being opened: there is no log to write to yet.
    if (!dataPlane.hasBegun) return;
    persistent.note({ type: `store.${state}`, atMs: clock.wallMs(), message });
  };
  const persistent: PersistentState = new PersistentState(stateDir, {
    nowMs: clock.wallMs(),
    kernelKept: tableRemembers,
    report,
  });
  /** Makes the data plane work by a plan, with all uses that must not open a door again. */
  const configure = (plan: Plan) =>
    dataPlane.configure({ ...plan, uses: persistent.usesFor(plan.rotating) });
  const summary = () => summarize(guard.state, inForce.configuration.mistake);
  const ground = {
    clock,
    counters,
    inForce,
    readiness,
    openings,
    queue,
    dataPlane,
    persistent,
    configure,
    entered: () => entered(summary()),
  };

  const ended = (end: CommandEnd) =>
    persistent.note({ type: "command.ended", atMs: clock.wallMs(), ...end });
  const commands = new DoorCommands({
    queue,
    owed: persistent.owed,
    counters,
    behind: (doors) => {
      readiness.setBehind(doors);
      // Refused while the data plane ends, which opens nothing any more.
      link.ask({ type: "behind", doors }).catch(() => undefined);
    },
    ended,
  });
  const lossWait = new LossWait({
    clock,
    readiness,
    persistent,
    subjects: () => inForce.plan.rotating,
    applyDoubt: () => configure(inForce.plan),
  });
  const guard = makeGuardAudit({ ...ground, events, report, reloader: () => reloader });
  const keysWatch = new KeysWatch(stateDir, () => inForce.configuration.keysDigest);
  const explainer = new Explainer({
    clock,
    configuration: () => inForce.configuration,
    ask: (request) => dataPlane.to("explain anything").ask(request),
    knocks: () => counters.get("knocks"),
    foreignRules: problemsOfRules,
    unread: () => keysWatch.unread(),
    notices: () => control.notices(),
    obstacles: () => readiness.reasons().map(({ code, detail }) => detail ?? REASONS[code]),
  });
  const alarm = new AlarmCommand(queue, clock, log, ended);

  const afterStart = new AfterStart(() => link.ask({ type: "warm-up" }));
  const nearMissWatch = new NearMissWatch(() => tellNearMisses(explainer, readiness));
  const closes = new OwedCloses(
    (id) => dataPlane.close(id),
    () => housekeeping.now(),
  );
  const keeper = new LastKeeper(() => guard.state, report);
  const housekeeping = new Housekeeping(() => {
    void api.start();
    return doDueWork({ clock, lossWait, commands, keeper, guard, closes });
  });
  const reloader = makeReloader(config, {
    ...ground,
    guard,
    keeper,
    explainer,
    housekeeping,
    missing: missingInterfaces,
  });
  const control = new ControlService({
    ...ground,
    file: config.file,
    guard,
    closes,
    reloader,
    keysWatch,
    explainer,
  });
  const api = new ApiListeners({ control, api: configuration.settings.api, readiness });

  /** In the order in which they receive events. */
  const listeners: readonly EventListener[] = [
    new EventLog(),
    readiness,
    guard,
    { hear: (event) => persistent.hear(event, inForce.plan.rotating) },
    openings,
    closes,
    explainer,
    { hear: (event) => commands.hear(event, inForce.settings.doors) },
    { hear: (event) => alarm.hear(event, inForce.settings.alarm) },
  ];

  return {
    ...ground,
    link,
    commands,
    lossWait,
    guard,
    keeper,
    afterStart,
    nearMissWatch,
    housekeeping,
    control,
    api,
    summary,
    died: died.promise,
  };
}

/** As `GuardLoader.remembers`; where the kernel does not say, the start is about to fail for that. */
function tableRemembers(): boolean {
  try {
    return GuardLoader.remembers();
  } catch {
    return false;
  }
}

/** Its keys, uses and owed commands are those of another run: only a start reads them all. */
function mountedOver(stateDir: string): Death {
  return {
    clause: `another file system with keys or uses of its own was mounted over ${stateDir}`,
    exitCode: ExitCode.failure,
  };
}
