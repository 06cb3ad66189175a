/** The Prometheus text format, version 0.0.4: metrics in, text out. */

export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Named {
  /** `[a-zA-Z_][a-zA-Z0-9_]*`; a counter's ends in `_total`. */
  readonly name: string;
  readonly help: string;
}

export type Metric =
  | (Named & { readonly type: "counter" | "gauge"; readonly samples: readonly Sample[] })
  | (Named & {
      readonly type: "histogram";
      /** Upper bounds, ascending, without +Inf. */
      readonly bounds: readonly number[];
      /** Observations per bucket, not cumulative; one more than `bounds`, for +Inf. */
      readonly buckets: readonly number[];
      readonly sum: number;
    });

const escapeHelp = (text: string) => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
const escapeLabel = (text: string) => escapeHelp(text).replaceAll('"', '\\"');

function formatValue(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}

function line(name: string, value: number, labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${formatValue(value)}`;
}

function lines(metric: Metric): string[] {
  const { name } = metric;
  const head = [`# HELP ${name} ${escapeHelp(metric.help)}`, `# TYPE ${name} ${metric.type}`];
  if (metric.type !== "histogram") {
    return [...head, ...metric.samples.map((sample) => line(name, sample.value, sample.labels))];
  }
  let below = 0;
  const buckets = metric.buckets.map((observed, i) => {
    below += observed;
    return line(`${name}_bucket`, below, { le: formatValue(metric.bounds[i] ?? Infinity) });
  });
  // The count is the sum of these buckets: a counter read a moment later could contradict them.
  return [...head, ...buckets, line(`${name}_sum`, metric.sum), line(`${name}_count`, below)];
}

export function renderMetrics(metrics: readonly Metric[]): string {
  return `${metrics.flatMap(lines).join("\n")}\n`;
}
