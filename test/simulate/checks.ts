/** Looks every few seconds whether kernel, ledger and events agree, and at the end whether anything is left. */

import type { Agenda } from "./agenda.ts";
import { crowd, disagreement, grantsHeld, unnoticed } from "./agreement.ts";
import type { Chronicle } from "./chronicle.ts";
import type { CommandStarts } from "./command-starts.ts";
import type { Daemon } from "./daemon.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { DiskTrouble } from "./disk-trouble.ts";
import type { Disturbances } from "./disturbances.ts";
import type { KeptConfiguration } from "./kept-configuration.ts";
import type { SimulatedKernel } from "./kernel.ts";
import type { LivingSession } from "./living-sessions.ts";
import type { LossWatch } from "./loss-watch.ts";
import { type Requests, SETTLED_MS } from "./requests.ts";
import type { Watches } from "./watches.ts";

const CHECK_MS = 5_000;

/** Two audits, and the time that they take. */
const QUIET_MS = 65_000;

/** The daemon looks for spent grants a few times a second. */
const SPENT_MS = 1_500;

/** A repair that the kernel refused is tried again within this time. */
const BACK_MS = 20_000;

/** A close command comes within this time, behind those of a crowd within the second. */
const LATE_MS = 15_000;
const CROWD_MS = 90_000;

interface ChecksParts {
  readonly agenda: Agenda;
  readonly chronicle: Chronicle;
  readonly disturbances: Disturbances;
  readonly kernel: SimulatedKernel;
  /** The sets of the kernel have room for all that a story opens. */
  readonly haveRoom: boolean;
  readonly diskTrouble: Pick<DiskTrouble, "mayLack">;
  readonly process: Pick<DaemonProcess, "daemon" | "running">;
  readonly commands: Pick<CommandStarts, "areServed">;
  readonly requests: Pick<Requests, "checkWhole">;
  readonly sessions: ReadonlySet<LivingSession>;
  readonly losses: Pick<LossWatch, "wasSetBack">;
  readonly watches: Pick<Watches, "closes" | "grants" | "guard" | "oracle">;
  readonly kept: Pick<KeptConfiguration, "keep">;
}

export class Checks {
  readonly #parts: ChecksParts;
  /** What the last check found at rest. */
  #restChecked: string | undefined;

  constructor(parts: ChecksParts) {
    this.#parts = parts;
  }

  /** Looks now and then from now on. */
  begin(): void {
    this.#parts.agenda.after(CHECK_MS, () => {
      this.begin();
      this.#check();
    });
  }

  /** Everything had the time to come to its end. */
  atEnd(): void {
    const { chronicle, kernel, losses, process, watches } = this.#parts;
    const daemon = process.daemon;
    if (daemon?.hasBegun !== true) {
      chronicle.break("the daemon goes on", "it does not run at the end");
      return;
    }
    const { size } = daemon.opening.ledger;
    if (size > 0) chronicle.break("every grant ends", `${size} are left in the ledger`);
    const uses = kernel.living("uses")?.length ?? 0;
    // A clock that was set back makes later slots of those that were used.
    if (uses > 0 && !losses.wasSetBack) {
      chronicle.break("memory is bounded", `${uses} uses are left`);
    }
    const due = daemon.persistent.owed.dueCount;
    if (due > 0) chronicle.break("every close command runs", `${due} are due`);
    chronicle.judge(watches.closes.check());
  }

  #check(): void {
    const rest = this.#restState();
    if (rest !== undefined && rest === this.#restChecked) return;
    this.#restChecked = rest;
    const { agenda, chronicle, disturbances, kernel, process, requests, watches } = this.#parts;
    const { daemon, running } = process;
    const { quietMs } = disturbances;
    watches.oracle.check(kernel);
    const mustGuard = running !== undefined && running.guard.state !== "lapsed";
    if (mustGuard && !kernel.hasTable && disturbances.untamperedMs > BACK_MS) {
      chronicle.break("the guard returns", "no table is in the kernel");
    }
    if (daemon !== undefined) chronicle.judge(crowd(daemon, kernel));
    if (daemon !== undefined && disturbances.unspentMs > SPENT_MS) {
      watches.oracle.checkTold(grantsHeld(daemon, agenda));
    }
    const calm = quietMs > CHECK_MS ? running : undefined;
    watches.guard.check(calm?.guard.state);
    if (quietMs > SETTLED_MS) requests.checkWhole();
    if (calm !== undefined && calm.untold === 0) this.#checkCalm(calm);
  }

  /** What must hold where nothing disturbs the daemon. */
  #checkCalm(daemon: Daemon): void {
    const { agenda, chronicle, diskTrouble, disturbances, kept } = this.#parts;
    const { haveRoom, watches } = this.#parts;
    if (!diskTrouble.mayLack) watches.oracle.uses.keep();
    kept.keep(daemon);
    chronicle.judge(watches.grants.check(daemon.openings.grants(), agenda.monotonicMs()));
    if (!haveRoom || disturbances.unspentMs < SPENT_MS) return;
    this.#compare(daemon);
    this.#checkCommands(daemon);
  }

  #compare(daemon: Daemon): void {
    const { agenda, chronicle, disturbances, kernel } = this.#parts;
    // What the daemon itself does needs no repair.
    const isRepaired = Math.max(disturbances.quietMs, disturbances.untamperedMs) >= QUIET_MS;
    const compare = isRepaired ? disagreement : unnoticed;
    chronicle.judge(compare(daemon, kernel, agenda));
  }

  #checkCommands({ counters }: Daemon): void {
    const { agenda, chronicle, commands, diskTrouble, watches } = this.#parts;
    if (!commands.areServed || diskTrouble.mayLack) return;
    const patienceMs = counters.get("commandsWaiting") > 0 ? CROWD_MS : LATE_MS;
    chronicle.judge(watches.closes.late(agenda.monotonicMs() - patienceMs));
  }

  /** Equal as long as nothing has changed; undefined where time alone may change what a check finds. */
  #restState(): string | undefined {
    const { agenda, chronicle, diskTrouble, disturbances, kernel } = this.#parts;
    const { process, sessions, watches } = this.#parts;
    const daemon = process.running;
    if (daemon === undefined || disturbances.quietMs < QUIET_MS) return undefined;
    if (daemon.untold > 0 || diskTrouble.mayLack || watches.guard.isOnProbation) return undefined;
    const endMs = Math.min(daemon.opening.ledger.nextEndMs, kernel.nextEndMs);
    const endsSoon = endMs - agenda.monotonicMs() < 2 * CHECK_MS;
    if (endsSoon || sessions.size > 0) return undefined;
    return `${disturbances.count} ${kernel.changes} ${chronicle.lines.length} ${endMs}`;
  }
}
