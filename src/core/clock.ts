/**
 * The one place that reads a clock. Logic takes `now`; only the planes, `client/` and `cli/` hold a
 * Clock.
 */

export interface Clock {
  /** Unix time in milliseconds; jumps when somebody sets the clock. */
  wallMs(): number;
  /** Milliseconds since an arbitrary start; never jumps. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  // Not performance.timeOrigin + performance.now(), which stays behind when the clock is set.
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
