/** Knocks that belong to nothing that is explained already: an older try must not hide them. */

import { type Port, PROTO_NUMBER } from "../../core/port.ts";
import type { Hit } from "../../match/hit-table.ts";
import type { Try } from "../../match/near-misses.ts";
import type { KnownUse } from "../../match/subject.ts";
import type { SubjectTable } from "../../match/subject-table.ts";
import { sequencePorts } from "../../rks/sequence.ts";

/**
 * Those of `hits` (oldest first) that came after the last knock of every try and are not among the
 * ports of any: a client that repeats its knock begins nothing new.
 */
export function newerThan(tries: readonly Try[], hits: readonly Hit[]): Hit[] {
  const lastMs = tries.reduce((latest, made) => Math.max(latest, made.lastMs), -Infinity);
  const explained = new Set(tries.flatMap(portsOf).map(nameOf));
  return hits.filter((hit) => hit.timeMs > lastMs && !explained.has(nameOf(hit)));
}

/** Those of `hits` that are no port of any of these uses, by the terms in force. */
export function besides(
  uses: readonly KnownUse[],
  subjects: SubjectTable,
  hits: readonly Hit[],
): readonly Hit[] {
  const used = new Set<number>();
  for (const use of uses) {
    const subject = subjects.find(use);
    if (subject === undefined || subject.space.stepSeconds !== use.stepSeconds) continue;
    const { key, door, space } = subject;
    const proto = PROTO_NUMBER[space.proto];
    for (const port of sequencePorts(key, door, space, use.slot)) used.add(nameOf({ proto, port }));
  }
  return hits.filter((hit) => !used.has(nameOf(hit)));
}

/** The number of ports that these knocks hit. */
export function portCount(hits: readonly Hit[]): number {
  return new Set(hits.map(nameOf)).size;
}

function portsOf(made: Try): Pick<Hit, "proto" | "port">[] {
  const ports: readonly Port[] =
    made.kind === "fixed"
      ? made.subject.sequence.knocks
      : [...made.ports].map((port) => ({ proto: made.subject.space.proto, port }));
  return ports.map(({ proto, port }) => ({ proto: PROTO_NUMBER[proto], port }));
}

function nameOf({ proto, port }: Pick<Hit, "proto" | "port">): number {
  return proto * 65_536 + port;
}
