/** The terms of RKS1 that client and server must agree on, or that the server alone sets: docs/rks.md, "Terms". */

import type { Proto } from "../core/port.ts";

/** The terms that decide how a door's knocks are drawn, and how forgivingly they are believed. */
export interface KnockSpace {
  readonly proto: Proto;
  /** First and last port of the knock range, inclusive. */
  readonly lo: number;
  readonly hi: number;
  /** `n`: ports in a sequence. */
  readonly ports: number;
  /** Seconds a slot lasts. */
  readonly stepSeconds: number;
  /** Seconds from the first to the last knock of a sequence. */
  readonly windowSeconds: number;
  /** Slots accepted before and after the server's own. */
  readonly skew: number;
  /** Other ports tolerated among a source's last hits. */
  readonly slack: number;
}

/** The defaults of RKS1. */
export const DEFAULT_SPACE: KnockSpace = {
  proto: "tcp",
  lo: 20_000,
  hi: 52_767,
  ports: 8,
  stepSeconds: 30,
  windowSeconds: 10,
  skew: 1,
  slack: 64,
};

/** The limits of RKS1, both ends inclusive; `range` is `hi − lo + 1`. */
export const SPACE_LIMITS = {
  lo: { min: 1, max: 65_535 },
  hi: { min: 1, max: 65_535 },
  range: { min: 1_000, max: 65_535 },
  ports: { min: 3, max: 16 },
  stepSeconds: { min: 10, max: 300 },
  windowSeconds: { min: 1, max: 60 },
  skew: { min: 0, max: 2 },
  slack: { min: 0, max: 1_024 },
} as const;

/** Equal for spaces with equal terms. */
export function spaceKey(space: KnockSpace): string {
  const { proto, lo, hi, ports, stepSeconds, windowSeconds, skew, slack } = space;
  return [proto, lo, hi, ports, stepSeconds, windowSeconds, skew, slack].join(" ");
}
