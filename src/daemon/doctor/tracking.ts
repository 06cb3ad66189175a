/** Check: the connection tracking table has room; a full one drops what is new and cuts what lives. */

import { readFileSync } from "node:fs";
import { type Findings, ok, problem, warning } from "./finding.ts";

export interface TrackingFacts {
  readonly count: number;
  readonly max: number;
}

/** Undefined before the first rule or module that tracks. */
export function readTracking(): TrackingFacts | undefined {
  const read = (name: string) =>
    Number(readFileSync(`/proc/sys/net/netfilter/nf_conntrack_${name}`, "utf8"));
  try {
    return { count: read("count"), max: read("max") };
  } catch {
    return undefined;
  }
}

export function checkTracking(facts: TrackingFacts | undefined): Findings {
  if (facts === undefined) return [ok("Connection tracking is not in use yet")];
  const { count, max } = facts;
  // 0 is no limit.
  const share = max === 0 ? 0 : count / max;
  const state = `The connection tracking table holds ${count} of ${max === 0 ? "any number of" : max} connections`;
  const remedy = `raise it (sysctl net.netfilter.nf_conntrack_max=${max * 2}), or find out who fills it (conntrack -L)`;
  if (share >= 0.95) return [problem(`${state}: new ones are dropped when it is full`, remedy)];
  return share >= 0.75 ? [warning(state, remedy)] : [ok(state)];
}
