/** Doors that a scan opens, and those that one knock starts: what is said of them, and what would be better. */

import { weaknessOf } from "../config/weakness.ts";
import { betterSequence, type Draw } from "./better-sequence.ts";
import type { DraftDoor } from "./draft.ts";
import { different, type Verdicts } from "./verdicts.ts";

/** Draws a better sequence for each door that a scan opens. */
export function withBetterSequences(
  doors: readonly DraftDoor[],
  draw: Draw,
  verdicts: Verdicts,
): DraftDoor[] {
  const taken = doors.flatMap(({ opens, knocks = [], closeKnocks = [] }) => [
    ...opens,
    ...[...knocks, ...closeKnocks].map(({ proto, port }) => ({ proto, from: port, to: port })),
  ]);
  return doors.map((door) => {
    const { knocks, opens, sequenceLine } = door;
    const fixed = knocks && { knocks, timeoutMs: door.timeoutMs ?? 15_000 };
    const why = fixed && weaknessOf({ fixed, opens });
    if (why === undefined) {
      if (knocks?.length === 1) {
        verdicts.add(
          sequenceLine,
          different("one knock is no secret: whoever connects there runs the command"),
        );
      }
      return door;
    }
    const better = betterSequence(draw, taken);
    const shown = better.map(({ port }) => port).join(",");
    verdicts.add(
      sequenceLine,
      different(`it is ${why}, and kept by weak = true: better, for door and clients, ${shown}`),
    );
    return { ...door, weakness: { why, better } };
  });
}
