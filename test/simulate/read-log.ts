/** Asks the file of the audit log what it holds. */

import type { Database } from "bun:sqlite";
import type { Logged } from "./audit-watch.ts";

export function readLog(log: Database): Logged {
  const of = (question: string, ...about: number[]) =>
    log.query<{ answer: number | null }, number[]>(question).get(...about)?.answer ?? 0;
  return {
    count: of("SELECT count(*) AS answer FROM records"),
    newestMs: of("SELECT at_ms AS answer FROM records ORDER BY id DESC LIMIT 1"),
    olderThan: (ms) =>
      of(
        `SELECT count(*) AS answer FROM records WHERE at_ms < ?1
         AND id < (SELECT min(id) FROM records WHERE at_ms >= ?1)`,
        ms,
      ),
    openingsSince: (ms) =>
      of(
        "SELECT count(*) AS answer FROM records WHERE type = 'grant.opened' AND at_ms >= ?",
        Math.min(ms, Number.MAX_SAFE_INTEGER),
      ),
  };
}
