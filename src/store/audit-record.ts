/**
 * The records of the audit log: all events of the data plane, and facts that only the daemon knows.
 */

import { type CommandEnd, describeOutcome, describePurpose } from "../core/command-end.ts";
import type { DaemonEvent } from "../core/events.ts";
import { describeCut } from "../core/session-cut.ts";

/** `atMs` is Unix milliseconds; no record holds a secret. */
export type OwnRecord =
  | { readonly type: "daemon.started"; readonly atMs: number; readonly version: string }
  /** The memory of used knocks is incomplete; rotating doors wait for `waitMs`. */
  | {
      readonly type: "uses.lost";
      readonly atMs: number;
      readonly reason: string;
      readonly waitMs: number;
    }
  /** `reason` is a signal, or a clause. */
  | {
      readonly type: "daemon.stopped";
      readonly atMs: number;
      readonly reason: string;
      readonly guard?: "stays" | "removed";
    }
  | { readonly type: "config.reloaded"; readonly atMs: number; readonly file: string }
  /** `change` names the keys that came and went. */
  | {
      readonly type: "keys.reloaded";
      readonly atMs: number;
      readonly file: string;
      readonly change: string;
    }
  /** Nobody confirmed a reload on probation: the configuration before it returned. */
  | { readonly type: "config.reverted"; readonly atMs: number; readonly file: string }
  /**
   * A probation begins, or continues after a start; `otherwise` is its outcome unless somebody
   * confirms.
   */
  | {
      readonly type: "guard.probation";
      readonly atMs: number;
      readonly untilMs: number;
      readonly otherwise: "open" | "back";
    }
  | { readonly type: "guard.confirmed"; readonly atMs: number; readonly forced: boolean }
  | { readonly type: "guard.lapsed"; readonly atMs: number }
  /** Closed ports answer otherwise, and guarded ones with them. */
  | { readonly type: "guard.answer"; readonly atMs: number; readonly message: string }
  | { readonly type: "config.refused"; readonly atMs: number; readonly message: string }
  | (CommandEnd & { readonly type: "command.ended"; readonly atMs: number })
  /** Sessions whose grant was over were ended on somebody's request, or with their key. */
  | {
      readonly type: "sessions.cut";
      readonly atMs: number;
      readonly door: string;
      readonly address: string;
      readonly count: number;
    }
  /** A file of the state folder failed, works again or was replaced. */
  | { readonly type: "store.failing"; readonly atMs: number; readonly message: string }
  | { readonly type: "store.working"; readonly atMs: number; readonly message: string }
  | { readonly type: "store.replaced"; readonly atMs: number; readonly message: string }
  /** Written by the log itself, when more records came than it could keep. */
  | {
      readonly type: "log.left-out";
      readonly atMs: number;
      readonly sinceMs: number;
      readonly count: number;
    };

export type AuditRecord = DaemonEvent | OwnRecord;

/** The facts by which a record is found. */
export interface AuditFacts {
  readonly door?: string;
  readonly user?: string;
  readonly device?: string;
  /** Canonical text of an address or of a /64. */
  readonly address?: string;
}

/** Read by name, so that a record of an unknown kind is found as well. */
export function factsOf(record: AuditRecord): AuditFacts {
  const holder: object = "grant" in record ? record.grant : record;
  const facts: Record<string, string> = {};
  for (const name of ["door", "user", "device", "address"] as const) {
    const value = (holder as AuditFacts)[name];
    if (typeof value === "string") facts[name] = value;
  }
  return facts;
}

/** Whether anybody who saw a fixed sequence once could cause records like this one at will. */
export function isForgeable(record: AuditRecord): boolean {
  return "grant" in record && record.grant.via === "fixed";
}

/** Reasons in records of earlier versions: words of the program, not of people. */
const NO_REASON: ReadonlySet<string> = new Set(["obey", "keep"]);

function describeStop({ reason, guard }: Extract<OwnRecord, { type: "daemon.stopped" }>): string {
  if (NO_REASON.has(reason)) return "Stopped";
  const by = reason.startsWith("SIG") ? ` by ${reason}` : `: ${reason}`;
  if (guard === undefined) return `Stopped${by}`;
  return `Stopped${by}: ${guard === "stays" ? "the guard stays" : "nothing is guarded any more"}`;
}

const OWN: {
  readonly [Type in OwnRecord["type"]]: (record: Extract<OwnRecord, { type: Type }>) => string;
} = {
  "daemon.started": ({ version }) => `Started sallyport ${version}`,
  "daemon.stopped": describeStop,
  "uses.lost": ({ waitMs, reason }) =>
    `Rotating doors wait ${Math.ceil(waitMs / 1_000)} s: ${reason}`,
  "config.reloaded": ({ file }) => `Reloaded ${file}`,
  "keys.reloaded": ({ file, change }) => `Read ${file} again: ${change}`,
  "config.reverted": ({ file }) =>
    `Nobody confirmed the reload of ${file} in time: the configuration before it is in force again`,
  "guard.probation": ({ untilMs, otherwise }) =>
    `On probation until ${new Date(untilMs).toISOString()}: unless somebody confirms, ${otherwise === "open" ? "the ports open again" : "the configuration before returns"}`,
  "guard.confirmed": ({ forced }) =>
    `Confirmed${forced ? " without a proof" : ""}: the guard is permanent`,
  "guard.lapsed": () => "Nobody confirmed in time: nothing is guarded any more",
  "guard.answer": ({ message }) => message,
  "config.refused": ({ message }) => message,
  "command.ended": (end) =>
    `Ran ${end.program} for ${describePurpose(end)}: ${describeOutcome(end)}`,
  "sessions.cut": ({ count: sessions, ...place }) => describeCut({ ...place, sessions }),
  "store.failing": ({ message }) => message,
  "store.working": ({ message }) => message,
  "store.replaced": ({ message }) => message,
  "log.left-out": ({ count, sinceMs }) =>
    `Left out ${count} events since ${new Date(sinceMs).toISOString()}: they came faster than they are kept`,
};

export function isOwnRecord(record: AuditRecord): record is OwnRecord {
  return Object.hasOwn(OWN, record.type);
}

/** The record in one sentence. */
export function describeOwnRecord(record: OwnRecord): string {
  return (OWN[record.type] as (record: OwnRecord) => string)(record);
}
