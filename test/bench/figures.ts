/** Medians and percentiles. */

/**
 * The smallest value such that the share `q` of all values is not above it (nearest rank); NaN of
 * none.
 */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Three significant digits: a shared machine does not repeat more. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
