/**
 * Rules between doors, and between doors and the other sections. Pure; takes doors that are right
 * by themselves.
 */

import type { FixedSequence } from "../core/fixed-sequence.ts";
import { formatDuration } from "../core/duration.ts";
import { formatPort, rangesOverlap } from "../core/port.ts";
import type { PortRange } from "../core/port.ts";
import type { Mistake } from "./mistake.ts";
import { isLoopbackHost } from "../core/address.ts";
import { LIMITS } from "./schema.ts";
import { sequencesInConflict } from "./sequence-conflicts.ts";
import type { Door, Settings } from "./settings.ts";
import { weaknessOf } from "./weakness.ts";

type Report = (mistake: Mistake) => void;

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function range(port: number, proto: PortRange["proto"] = "tcp"): PortRange {
  return { proto, from: port, to: port };
}

/** The fixed sequences of a door under their keys in the file. */
function sequencesOf({ fixed, closing }: Door): [key: string, sequence: FixedSequence][] {
  const found: [string, FixedSequence][] = [];
  if (fixed) found.push(["sequence", fixed]);
  if (closing) found.push(["close_sequence", closing]);
  return found;
}

/** A guarded knock port would answer differently once its door is open, and so give itself away. */
function checkKnocksUnguarded(doors: readonly Door[], report: Report): void {
  for (const door of doors) {
    for (const [key, { knocks }] of sequencesOf(door)) {
      for (const [i, { proto, port }] of knocks.entries()) {
        const guarding = doors.find(({ opens }) =>
          opens.some((opened) => rangesOverlap(opened, range(port, proto))),
        );
        if (guarding === undefined) continue;
        report({
          path: ["door", door.name, key, i],
          state: `is ${formatPort({ proto, port })}, which door.${guarding.name} opens`,
          remedy: "knock on ports that no door opens",
        });
      }
    }
  }
}

function checkScans(doors: readonly Door[], report: Report): void {
  for (const door of doors) {
    if (door.fixed === undefined) continue;
    const weakness = weaknessOf(door);
    if (weakness !== undefined && door.weak === undefined) {
      report({
        path: ["door", door.name, "sequence"],
        state: `is ${weakness}`,
        remedy:
          "write three ports or more, with others between them, such as 7000, 9000, 8000, or weak = true if anybody who scans this server may open it",
      });
    } else if (weakness === undefined && door.weak !== undefined) {
      report({
        path: ["door", door.name, "weak"],
        state: "is true, and this door needs no leave to be weak",
        remedy: "take it out, so that no later sequence is weak unnoticed",
      });
    }
  }
}

function checkConflicts(doors: readonly Door[], report: Report): void {
  for (const { at, state } of sequencesInConflict(doors)) {
    report({
      path: ["door", ...at],
      state,
      remedy: "write sequences that do not contain each other",
    });
  }
}

/**
 * All fixed doors share one kernel set for each family; a forged crowd at one must not lock out
 * another.
 */
function checkFixedElements(doors: readonly Door[], report: Report): void {
  let left: number = LIMITS.fixedElements;
  for (const { name, fixed, opens, maxGrants } of doors) {
    if (fixed === undefined || opens.length === 0) continue;
    const ports = opens.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    const most = Math.floor(left / ports);
    if (maxGrants > most) {
      report({
        path: ["door", name, "max_grants"],
        state: `is ${maxGrants}, and at ${count(ports, "port")} each the fixed doors would hold more than ${LIMITS.fixedElements} grants`,
        remedy:
          most > 0
            ? `write at most ${most}`
            : "give the fixed doors before it fewer grants or ports",
      });
    }
    left = Math.max(0, left - maxGrants * ports);
  }
}

function checkWindow(doors: readonly Door[], report: Report): void {
  for (const { name, users, space } of doors) {
    const lifeSeconds = (2 * space.skew + 1) * space.stepSeconds;
    if (users.length === 0 || space.windowSeconds <= lifeSeconds) continue;
    report({
      path: ["knock", "window"],
      state: `is longer than the ${formatDuration(lifeSeconds * 1_000)} a sequence of door.${name} is valid`,
      remedy: "shorten window, or raise step or skew",
    });
    return;
  }
}

function checkApi({ doors, api }: Pick<Settings, "doors" | "api">, report: Report): void {
  if (!isLoopbackHost(api.listen.host)) return;
  for (const { name, opens } of doors) {
    const i = opens.findIndex((opened) => rangesOverlap(opened, range(api.listen.port)));
    if (i < 0) continue;
    report({
      path: ["door", name, "opens", i],
      state: `holds ${api.listen.port}/tcp, where api.listen serves this machine only`,
      remedy: "take it out, or let api.listen have another address or port",
    });
  }
}

/** Reports every conflict. The caller leaves out sections that could not be read. */
export function checkTogether(
  doors: readonly Door[],
  api: Settings["api"] | undefined,
  report: Report,
): void {
  checkKnocksUnguarded(doors, report);
  checkScans(doors, report);
  checkConflicts(doors, report);
  checkFixedElements(doors, report);
  checkWindow(doors, report);
  if (api) checkApi({ doors, api }, report);
}
