/** Knocks in the form that an explanation remembers, from words. */

import { type Proto, PROTO_NUMBER } from "../../src/core/port.ts";
import type { Hit } from "../../src/match/hit-table.ts";

/** One knock on each port, `gapMs` apart, oldest first. */
export function hitsOn(
  ports: Iterable<number>,
  startMs: number,
  gapMs = 1,
  proto: Proto = "tcp",
): Hit[] {
  return Array.from(ports, (port, i) => ({
    timeMs: startMs + i * gapMs,
    proto: PROTO_NUMBER[proto],
    port,
  }));
}
