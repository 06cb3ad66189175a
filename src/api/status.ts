/** The state of the daemon in one answer, for `sallyport status`. */

import type { Control } from "./control.ts";
import { healthOf, readinessOf } from "./health-app.ts";
import { PLAIN_COUNTERS } from "./metrics.ts";
import type { Status } from "./schemas.ts";
import { LATENCY_BUCKETS } from "../core/counters.ts";

/**
 * The upper bound of the bucket that holds the quantile `q` (0–1). Undefined where the histogram
 * cannot tell: it is empty, or the quantile lies above the last bound.
 */
export function quantileBound(
  bounds: readonly number[],
  buckets: readonly number[],
  q: number,
): number | undefined {
  const rank = q * buckets.reduce((sum, observed) => sum + observed, 0);
  if (rank === 0) return undefined;
  let below = 0;
  return bounds[buckets.findIndex((observed) => (below += observed) >= rank)];
}

export function statusOf(control: Control): Status {
  const buckets = control.counters.latencyBuckets();
  const medianSeconds = quantileBound(LATENCY_BUCKETS, buckets, 0.5);
  const probation = control.probation();
  const p99Seconds = quantileBound(LATENCY_BUCKETS, buckets, 0.99);
  return {
    ...healthOf(control),
    ...readinessOf(control, "owner"),
    config: control.config,
    notices: [...control.notices()],
    ...(probation !== undefined && { probation }),
    counters: Object.fromEntries(PLAIN_COUNTERS.map((name) => [name, control.counters.get(name)])),
    latency: {
      count: buckets.reduce((sum, observed) => sum + observed, 0),
      ...(medianSeconds !== undefined && { medianSeconds }),
      ...(p99Seconds !== undefined && { p99Seconds }),
    },
  };
}
