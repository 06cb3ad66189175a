/**
 * A strict reader of the Prometheus text format: it throws at anything that a scraper might stumble
 * over.
 */

export interface Family {
  readonly type: string;
  readonly help: string;
  /** By the sample's full name with its labels, as written. */
  readonly samples: Map<string, number>;
}

const SAMPLE = /^([a-z_][a-z0-9_]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (\S+)$/;

function parseValue(text: string): number {
  if (text === "+Inf") return Infinity;
  if (text === "-Inf") return -Infinity;
  const value = Number(text);
  if (text === "" || Number.isNaN(value)) throw new Error(`"${text}" is not a value`);
  return value;
}

function checkHistogram(name: string, { samples }: Family): void {
  const buckets = [...samples].filter(([series]) => series.startsWith(`${name}_bucket{le="`));
  let bound = -Infinity;
  let below = 0;
  for (const [series, value] of buckets) {
    const le = parseValue(/le="([^"]+)"/.exec(series)![1]!);
    if (le <= bound) throw new Error(`${series} does not ascend`);
    if (value < below) throw new Error(`${series} is not cumulative`);
    [bound, below] = [le, value];
  }
  if (bound !== Infinity) throw new Error(`${name} has no +Inf bucket`);
  if (samples.get(`${name}_count`) !== below)
    throw new Error(`${name}_count is not the +Inf bucket`);
  if (!samples.has(`${name}_sum`)) throw new Error(`${name} has no sum`);
  if (samples.size !== buckets.length + 2) throw new Error(`${name} has stray samples`);
}

/** Families by name. Throws at a line out of place, a series twice, or a histogram that contradicts itself. */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith("\n")) throw new Error("The last line does not end");
  const families = new Map<string, Family>();
  const lines = text.slice(0, -1).split("\n");
  let current = "";
  for (let i = 0; i < lines.length; i++) {
    const help = /^# HELP ([a-z_][a-z0-9_]*) (\S.*)$/.exec(lines[i]!);
    if (help !== null) {
      current = help[1]!;
      const type = new RegExp(`^# TYPE ${current} (counter|gauge|histogram)$`).exec(
        lines[++i] ?? "",
      );
      if (type === null) throw new Error(`HELP of ${current} is not followed by its TYPE`);
      if (families.has(current)) throw new Error(`${current} comes twice`);
      if ((type[1] === "counter") !== current.endsWith("_total")) {
        throw new Error(`${current} is misnamed for a ${type[1]}`);
      }
      families.set(current, { type: type[1]!, help: help[2]!, samples: new Map() });
      continue;
    }
    const sample = SAMPLE.exec(lines[i]!);
    if (sample === null) throw new Error(`"${lines[i]}" is no sample`);
    const family = families.get(current);
    const name = sample[1]!;
    const own = family?.type === "histogram" ? name.replace(/_(bucket|sum|count)$/, "") : name;
    if (family === undefined || own !== current) throw new Error(`${name} stands under ${current}`);
    const series = sample[2] === undefined ? name : `${name}{${sample[2]}}`;
    if (family.samples.has(series)) throw new Error(`${series} comes twice`);
    const value = parseValue(sample[3]!);
    if (family.type === "counter" && value < 0) throw new Error(`${series} is negative`);
    family.samples.set(series, value);
  }
  for (const [name, family] of families) {
    if (family.samples.size === 0) throw new Error(`${name} has no sample`);
    if (family.type === "histogram") checkHistogram(name, family);
  }
  return families;
}
