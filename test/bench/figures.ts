/** Medians and percentiles. */

/** The value that the share `q` of all values is not above (nearest rank); NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Three significant digits, which is more than a shared machine repeats. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
