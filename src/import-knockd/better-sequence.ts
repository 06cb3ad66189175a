/** A sequence that no scan completes, as a proposal beside one that a scan does. */

import { guessChance, scanCompletes } from "../core/fixed-sequence.ts";
import type { Port, PortRange } from "../core/port.ts";
import { rangesOverlap } from "../core/port.ts";

/** Below the ports that Linux gives to outgoing connections (net.ipv4.ip_local_port_range), above those that need root. */
const LOWEST = 1_025;
const HIGHEST = 32_767;
const KNOCKS = 4;
/** The highest chance that a random scan completes it. */
const MOST_CHANCE = 1e-6;

/** Draws a number from 0 up to `below`, all equally likely. */
export type Draw = (below: number) => number;

/**
 * Draws TCP ports until no plain scan completes them, and a random one hardly ever; none of
 * `taken`. Drawn anew each time: a sequence that a program always proposes is no secret.
 */
export function betterSequence(draw: Draw, taken: readonly PortRange[]): Port[] {
  for (;;) {
    const knocks = Array.from({ length: KNOCKS }, (): Port => {
      return { proto: "tcp", port: LOWEST + draw(HIGHEST - LOWEST + 1) };
    });
    const sequence = { knocks, timeoutMs: 15_000 };
    const free = knocks.every(
      ({ proto, port }) =>
        !taken.some((range) => rangesOverlap(range, { proto, from: port, to: port })),
    );
    const distinct = new Set(knocks.map(({ port }) => port)).size === KNOCKS;
    if (
      free &&
      distinct &&
      guessChance(sequence) <= MOST_CHANCE &&
      scanCompletes(sequence) === undefined
    ) {
      return knocks;
    }
  }
}
