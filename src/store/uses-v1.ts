/**
 * Turns a uses.db of version 1 into one of version 2. Version 1 did not record the length of its
 * slots.
 */

import type { Database } from "bun:sqlite";
import { sealOf } from "./use.ts";

interface OldRow {
  readonly door: string;
  readonly fingerprint: string;
  readonly user: string;
  readonly device: string;
  readonly slot: number;
  readonly source: string | null;
  readonly time_ms: number | null;
  readonly seal: Uint8Array;
}

function oldSealOf(row: OldRow): Uint8Array {
  const { door, fingerprint, user, device, slot, source, time_ms: timeMs } = row;
  const text = JSON.stringify([door, fingerprint, user, device, slot, source, timeMs]);
  return new Bun.CryptoHasher("sha256").update(text).digest().subarray(0, 8);
}

/** The limits of `step`, in seconds, when version 1 was written. */
const STEPS = { min: 10, max: 300 } as const;

/**
 * The length of a slot that was used at this time. Unix seconds divided by it are the slot's
 * number, give or take the skew, which changes the length by a ten-thousandth of a second.
 */
function stepSecondsOf(slot: number, timeMs: number): number | undefined {
  const step = Math.round(timeMs / 1_000 / slot);
  return step >= STEPS.min && step <= STEPS.max ? step : undefined;
}

/**
 * Rebuilds the table `uses` by the statement `createTable`. Rows with a broken seal keep it, so
 * that they are found broken afterwards. A use by a clock that fits no slot belongs to no slot that
 * will come again.
 */
export function nameSlotLengths(database: Database, createTable: string): void {
  database.run("ALTER TABLE uses RENAME TO uses_v1");
  database.run(createTable);
  const insert = database.query(
    `INSERT INTO uses (door, fingerprint, user, device, step_seconds, slot, source, time_ms, seal)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  for (const row of database.query<OldRow, []>("SELECT * FROM uses_v1").all()) {
    const { door, fingerprint, user, device, slot, source, time_ms: timeMs, seal } = row;
    const whole = Buffer.from(seal).equals(oldSealOf(row));
    const stepSeconds = timeMs === null ? undefined : stepSecondsOf(slot, timeMs);
    if (stepSeconds === undefined) {
      if (!whole) insert.run(door, fingerprint, user, device, 0, slot, source, timeMs, seal);
      continue;
    }
    const use = { door, fingerprint, user, device, stepSeconds, slot };
    const known = {
      ...use,
      ...(source !== null && { source }),
      ...(timeMs !== null && { timeMs }),
    };
    const sealed = whole ? sealOf(known) : seal;
    insert.run(door, fingerprint, user, device, stepSeconds, slot, source, timeMs, sealed);
  }
  database.run("DROP TABLE uses_v1");
}
