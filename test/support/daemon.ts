/**
 * Shared by the tests of the daemon's pure parts: a clock that is set by hand, and matches from
 * words.
 */

import { parseAddress } from "../../src/core/address.ts";
import type { Door, Settings } from "../../src/config/settings.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { RotatingMatch, RotatingSubject } from "../../src/match/subject.ts";
import { DEFAULT_SPACE } from "../../src/rks/space.ts";
import { useId } from "../../src/rks/use-id.ts";
import { NOW } from "./matcher.ts";

export class HandClock implements Clock {
  nowMs = NOW;
  /** By how much somebody set the wall clock. */
  setByMs = 0;

  wallMs(): number {
    return this.nowMs + this.setByMs;
  }

  monotonicMs(): number {
    return this.nowMs;
  }
}

/** The match that `source` made of a subject's sequence. */
export function matchOf(
  subject: RotatingSubject,
  slot: number,
  source: string,
  timeMs: number,
): RotatingMatch {
  const use = useId(subject.key, subject.door, slot);
  return { kind: "rotating", subject, slot, source: parseAddress(source)!, timeMs, use };
}

/** A door "ssh" of alice's to 22/tcp for 30 s. */
export function doorOf(more: Partial<Door> = {}): Door {
  return {
    name: "ssh",
    opens: [{ proto: "tcp", from: 22, to: 22 }],
    users: ["alice"],
    space: DEFAULT_SPACE,
    openForMs: 30_000,
    uses: "many",
    prefix6: 128,
    maxGrants: 4,
    ...more,
  };
}

/** A door "legacy" to 8443/tcp that 7000, 9000, 8000 opens and the way back closes. */
export function fixedDoorOf(more: Partial<Door> = {}): Door {
  const knocks = [7_000, 9_000, 8_000].map((port) => ({ proto: "tcp", port }) as const);
  return doorOf({
    name: "legacy",
    opens: [{ proto: "tcp", from: 8_443, to: 8_443 }],
    users: [],
    fixed: { knocks, timeoutMs: 15_000 },
    closing: { knocks: knocks.toReversed(), timeoutMs: 15_000 },
    ...more,
  });
}

/** Settings with these doors; no part of them is on a disk. */
export function settingsOf(doors: readonly Door[]): Settings {
  return {
    server: { interfaces: ["any"], stateDir: "/nonexistent" },
    doors,
    guard: { onStop: "closed", deny: "drop", alwaysAllow: [] },
    api: { listen: { host: "127.0.0.1", port: 7_878 }, socket: "/nonexistent/control.sock" },
  };
}
