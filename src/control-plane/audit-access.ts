/** The audit log in sentences, for the daemon and for commands that work without one. */

import type { Address } from "../core/address.ts";
import { SallyportError } from "../core/errors.ts";
import { addressTexts } from "../core/grant.ts";
import { describeOwnRecord, isOwnRecord, type AuditRecord } from "../store/audit-record.ts";
import {
  AuditReader,
  type AuditEntry,
  type AuditFilter,
  type LastOpener,
} from "../store/audit-query.ts";
import { describeEvent } from "./log.ts";

export type { AuditEntry, AuditFilter, LastOpener } from "../store/audit-query.ts";

/** An entry of the log with its sentence. */
export interface ToldEntry extends AuditEntry {
  readonly sentence: string;
}

/**
 * Reads the log beside a running daemon or without one, by time, the newest last. Throws
 * SallyportError where it cannot, when the first entry is requested.
 */
export function* readAudit(stateDir: string, filter: AuditFilter): Generator<ToldEntry> {
  using reader = new AuditReader(stateDir);
  for (const entry of reader.query(filter)) {
    yield tell(entry);
  }
}

export function tell(entry: AuditEntry): ToldEntry {
  return Object.assign(entry, { sentence: describe(entry.detail) });
}

/** The devices that opened a door to this address last; empty where the log cannot be read. */
export function openersAt(stateDir: string, address: Address): LastOpener[] {
  try {
    using reader = new AuditReader(stateDir);
    return reader.lastOpeners({ addresses: addressTexts(address) });
  } catch (error) {
    if (error instanceof SallyportError) return [];
    throw error;
  }
}

/** Every type of event that the log has. */
export function auditTypes(stateDir: string): string[] {
  using reader = new AuditReader(stateDir);
  return reader.types();
}

function describe(record: AuditRecord): string {
  try {
    return isOwnRecord(record) ? describeOwnRecord(record) : describeEvent(record).sentence;
  } catch {
    // Another version wrote it: an event, or a form of one, that this version has no words for.
    return JSON.stringify(record);
  }
}
