/** Times and durations at a person's glance; `core/duration.ts` has the exact ones. */

const UNITS = [
  { name: "d", seconds: 86_400 },
  { name: "h", seconds: 3_600 },
  { name: "m", seconds: 60 },
  { name: "s", seconds: 1 },
] as const;

/** To the second, in the two largest units: "3h 12m", "27s"; a negative one is "0s". */
export function roughDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const at = UNITS.findIndex((unit) => seconds >= unit.seconds);
  if (at < 0) return "0s";
  const unit = UNITS[at]!;
  const whole = `${Math.floor(seconds / unit.seconds)}${unit.name}`;
  const next = UNITS[at + 1];
  const rest = next === undefined ? 0 : Math.floor((seconds % unit.seconds) / next.seconds);
  return rest === 0 ? whole : `${whole} ${rest}${next!.name}`;
}

const two = (value: number) => String(value).padStart(2, "0");

/** "2026-05-01 10:11:12", in the time zone of the reader. */
export function localTime(unixMs: number): string {
  const at = new Date(unixMs);
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":")}`;
}
