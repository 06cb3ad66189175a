/** All that the program and its world remember, as a text: equal texts mean that nothing has changed. */

import type { Agenda } from "./agenda.ts";
import type { Daemon } from "./daemon.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { SimulatedKernel } from "./kernel.ts";

export function stateOf(
  daemon: Daemon | undefined,
  { agenda, kernel, disk }: { agenda: Agenda; kernel: SimulatedKernel; disk: SimulatedDisk },
): string {
  const sets = kernel
    .setNames()
    .map((name) => [
      name,
      (kernel.living(name) ?? []).map(({ key, endMs, comment }) => [
        key.toHex(),
        Math.round(endMs),
        comment.toHex(),
      ]),
    ]);
  const memory = daemon === undefined ? [] : memoryOf(daemon, agenda);
  return JSON.stringify([sets, kernel.fingerprint, disk.contents(), memory], (_, value: unknown) =>
    typeof value === "bigint" ? `${value}` : value,
  );
}

function memoryOf(daemon: Daemon, agenda: Agenda): unknown[] {
  const { opening, openings, persistent, hearing, guard, readiness, counters, inForce } = daemon;
  return [
    opening.ledger.list(agenda.monotonicMs(), agenda.wallMs()),
    [...openings.grants()],
    persistent.usesFor(inForce.plan.rotating),
    persistent.owed.living(),
    persistent.owed.due(),
    hearing.matcher.stats,
    [...hearing.matcher.usedSlots()],
    guard.state,
    readiness.reasons(),
    new Float64Array(counters.memory).join(),
  ];
}
