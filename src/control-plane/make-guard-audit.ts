/** Ties the audit of the guard to the parts that repair grants and receive its state. */

import type { Clock } from "../core/clock.ts";
import type { Counters } from "../core/counters.ts";
import type { DataPlaneAccess } from "./data-plane-access.ts";
import type { EventListener } from "./event-listener.ts";
import { auditGrants, listKernelGrants } from "./guard/grant-audit.ts";
import { GuardAudit } from "./guard/guard-audit.ts";
import type { CurrentConfiguration } from "./current-configuration.ts";
import type { Openings } from "./openings.ts";
import type { PersistentState } from "./persistent-state.ts";
import type { Readiness } from "./readiness.ts";
import type { StoreNotice } from "../store/state-file.ts";
import type { Reloader } from "./reloader.ts";

export interface GuardSurroundings {
  readonly clock: Clock;
  readonly counters: Counters;
  readonly inForce: CurrentConfiguration;
  readonly readiness: Readiness;
  readonly openings: Openings;
  readonly persistent: PersistentState;
  readonly dataPlane: DataPlaneAccess;
  readonly events: EventListener;
  /** A file of the state folder failed, or works again. */
  readonly report: (notice: StoreNotice) => void;
  /** The guard has changed its state. */
  readonly entered: () => void;
  /** Made after the guard, which it changes. */
  readonly reloader: () => Reloader;
}

export function makeGuardAudit(around: GuardSurroundings): GuardAudit {
  const { clock, counters, inForce, readiness, openings, persistent, dataPlane } = around;
  return new GuardAudit(inForce.settings, {
    clock,
    counters,
    readiness,
    held: () => ({
      ...openings.terms(),
      doubtMs: persistent.doubtMs(inForce.plan.rotating, clock.wallMs()),
    }),
    repairGrants: async () => {
      const link = dataPlane.to("audit the guard");
      return await auditGrants({
        grants: () => openings.grants(),
        doors: () => inForce.settings.doors,
        list: listKernelGrants,
        ask: (request) => link.ask(request),
      });
    },
    emit: (event) => around.events.hear(event),
    note: (record) => {
      persistent.note(record);
      around.entered();
    },
    report: around.report,
    goBack: () => around.reloader().goBack(),
    otherwise: () => around.reloader().otherwise,
  });
}
