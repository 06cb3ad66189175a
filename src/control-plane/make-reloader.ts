/** Ties a reload to the other parts: those it asks before, and those that hear of it afterwards. */

import type { Settings } from "../config/settings.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Plan } from "../data-plane/plan.ts";
import type { StandingConfig } from "../config/find.ts";
import { openersAt } from "./audit-access.ts";
import type { CommandQueue } from "./commands/command-queue.ts";
import type { Configuration } from "./configuration.ts";
import type { Explainer } from "./explain/explainer.ts";
import type { GuardAudit } from "./guard/guard-audit.ts";
import type { Housekeeping } from "./housekeeping.ts";
import type { CurrentConfiguration } from "./current-configuration.ts";
import type { LastKeeper } from "./last-keeper.ts";
import type { Openings } from "./openings.ts";
import type { PersistentState } from "./persistent-state.ts";
import type { Readiness } from "./readiness.ts";
import { Reloader } from "./reloader.ts";

export interface ReloadSurroundings {
  readonly clock: Clock;
  readonly inForce: CurrentConfiguration;
  readonly readiness: Readiness;
  readonly openings: Openings;
  readonly persistent: PersistentState;
  readonly guard: GuardAudit;
  readonly keeper: LastKeeper;
  readonly explainer: Explainer;
  readonly queue: CommandQueue;
  readonly housekeeping: Housekeeping;
  readonly configure: (plan: Plan) => Promise<void>;
  /** The names in `server.interfaces` that no interface has now. */
  readonly missing: (settings: Settings) => readonly string[];
  /** Another configuration is in force. */
  readonly entered: () => void;
}

export function makeReloader(config: StandingConfig, around: ReloadSurroundings): Reloader {
  const { file } = config;
  const { clock, inForce, openings, persistent, guard, keeper, configure } = around;
  const note = (type: "config.reloaded" | "config.reverted") =>
    persistent.note({ type, atMs: clock.wallMs(), file });
  const stateDir = () => inForce.settings.server.stateDir;
  return new Reloader({
    ...config,
    current: () => inForce.configuration,
    configure,
    guard: (settings, forMs) => guard.replace(settings, forMs),
    guardForGood: (settings) => guard.restore(settings),
    guardState: () => guard.state,
    isOver: () => guard.isOver,
    missing: around.missing,
    grants: () => openings.grants(),
    openers: ({ address }) => {
      persistent.audit.flush();
      return openersAt(stateDir(), address);
    },
    entered: (next, before) => {
      enter(next, around);
      keeper.keep(next, before);
    },
    reloaded: () => {
      keeper.unconfirmed.clear(stateDir());
      note("config.reloaded");
    },
    unconfirmed: ({ toml }) => keeper.unconfirmed.mark(stateDir(), toml),
    reverted: () => note("config.reverted"),
    refused: (error) => {
      const message = `Reload refused: ${messageOf(error)}`;
      persistent.note({ type: "config.refused", atMs: clock.wallMs(), message });
    },
  });
}

function enter(next: Configuration, around: ReloadSurroundings): void {
  const { inForce, readiness, explainer, queue, housekeeping, entered } = around;
  explainer.entered(inForce.settings, next.settings);
  inForce.replace(next);
  if (next.mistake === undefined) readiness.clear("config");
  entered();
  prepareCommands(queue, inForce);
  readiness.setKeys(next.plan);
  housekeeping.now();
}

/** Prepares the start of commands without privileges, where there may be any. */
export function prepareCommands(queue: CommandQueue, { settings }: CurrentConfiguration): void {
  const { doors, alarm } = settings;
  if (alarm !== undefined || doors.some(({ run }) => run?.privileged === false)) queue.prepare();
}
