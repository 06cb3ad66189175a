/** Durations as people write them ("30s", "10m") and as the program keeps them (milliseconds). */

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const PATTERN = /^(\d{1,9})(ms|s|m|h|d)$/;

/** The milliseconds of "30s", "500ms", "10m", "8h" or "1d"; undefined for any other text. */
export function parseDuration(text: string): number | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
}

/** The shortest exact form: 90000 is "90s", 3600000 is "1h", 0 is "0s". Whole milliseconds only. */
export function formatDuration(ms: number): string {
  for (const unit of ["d", "h", "m", "s"] as const) {
    if (ms !== 0 && ms % UNITS[unit] === 0) return `${ms / UNITS[unit]}${unit}`;
  }
  return ms === 0 ? "0s" : `${ms}ms`;
}
