/** Takes the tables of config.toml apart: first their shape, then unknown keys, then values. */

import * as v from "valibot";
import { formatPath, shown } from "./mistake.ts";
import type { Mistake, Path } from "./mistake.ts";
import { namesSecret } from "./names.ts";
import { nearest } from "./nearest.ts";

type Table = Readonly<Record<string, unknown>>;

/** Whether a value is a table of TOML, not a list or a date. */
export function isTable(value: unknown): value is Table {
  const isObject = typeof value === "object" && value !== null;
  return isObject && !Array.isArray(value) && !(value instanceof Date);
}

function unknownKey(path: Path, key: string, keys: readonly string[]): Mistake {
  const at = [...path, key];
  if (namesSecret(key)) {
    return {
      path: at,
      state: "looks like a secret, which config.toml must not hold",
      remedy:
        'take it out and trust it no more; "sallyport user add" makes keys and keeps them in keys.toml',
      unknown: true,
    };
  }
  const meant = nearest(key, keys);
  return {
    path: at,
    state: "is not a key that sallyport knows",
    remedy:
      meant === undefined
        ? `take it out, or write one of ${keys.join(", ")}`
        : `did you mean "${meant}"?`,
    unknown: true,
  };
}

/**
 * The known keys of the table at `path`; undefined where there is no table. Reports every unknown
 * key by its name only. A missing table is an empty one.
 */
export function knownKeys(
  value: unknown,
  path: Path,
  keys: readonly string[],
  report: (mistake: Mistake) => void,
): Record<string, unknown> | undefined {
  if (value === undefined) return {};
  if (!isTable(value)) {
    report({ path, state: `is ${shown(value)}`, remedy: `write a table: [${formatPath(path)}]` });
    return undefined;
  }
  for (const key of Object.keys(value))
    if (!keys.includes(key)) report(unknownKey(path, key, keys));
  return Object.fromEntries(Object.entries(value).filter(([key]) => keys.includes(key)));
}

/** Reads the values of a table whose keys are all known; undefined after reporting mistakes. */
export function readTable<const Schema extends v.GenericSchema>(
  schema: Schema,
  table: Table | undefined,
  path: Path,
  report: (mistake: Mistake) => void,
): v.InferOutput<Schema> | undefined {
  if (table === undefined) return undefined;
  const result = v.safeParse(schema, table, { abortPipeEarly: true });
  if (result.success) return result.output;
  for (const issue of result.issues) {
    const steps = (issue.path ?? []).map((item) => item.key as string | number);
    report({ path: [...path, ...steps], state: `is ${shown(issue.input)}`, remedy: issue.message });
  }
  return undefined;
}
