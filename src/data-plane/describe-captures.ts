/** The state of the captures in a sentence, for the log, `status` and `/readyz`. */

import { describeStandIn } from "./stand-in.ts";

export interface CaptureState {
  /** The interfaces of the configuration that are not attached. */
  readonly missing: readonly string[];
  /** Those that are attached, and down. */
  readonly down: readonly string[];
  /** All interfaces stand in for those of the configuration. */
  readonly standsIn: boolean;
}

/** Undefined where packets are captured as configured. */
export function describeCaptures({ missing, down, standsIn }: CaptureState): string | undefined {
  if (standsIn) return describeStandIn(missing);
  const clauses = [
    ...(missing.length > 0
      ? [`Not listening on ${missing.join(", ")}: tried again every half second`]
      : []),
    ...down.map((name) => `The interface ${name} is down: bring it up (ip link set ${name} up)`),
  ];
  return clauses.length === 0 ? undefined : clauses.join("; ");
}
