/** The JSON Schema of config.toml, for editors and for sallyport.toml(5). */

import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { doorSchema } from "./door-keys.ts";
import { type Meaning, MEANINGS } from "./meanings.ts";
import { alarmSchema, apiSchema, guardSchema, knockSchema, serverSchema } from "./schema.ts";

/**
 * The whole file; loading reads it table by table (read-settings.ts), so that it can report more.
 */
const fileSchema = v.strictObject({
  server: v.optional(serverSchema),
  knock: v.optional(knockSchema),
  door: v.pipe(
    v.record(v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,63}$/)), doorSchema),
    v.minEntries(1),
  ),
  guard: v.optional(guardSchema),
  api: v.optional(apiSchema),
  alarm: v.optional(alarmSchema),
});

/** The parts of JSON Schema that occur in ours. */
export interface KeySchema {
  readonly type?: string;
  readonly default?: unknown;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly additionalProperties?: KeySchema | boolean;
}

function described(table: KeySchema, meanings: Readonly<Record<string, Meaning>>): KeySchema {
  const keys = Object.entries(table.properties ?? {}).map(([key, schema]) => {
    const told =
      key === "run" && schema.properties !== undefined ? described(schema, MEANINGS.run) : schema;
    return [key, { ...told, description: meanings[key]!.text }] as const;
  });
  return { ...table, properties: Object.fromEntries(keys) };
}

/** Draft 7, of what people write: durations and ports are still text in it. */
export function configJsonSchema(): KeySchema {
  const schema: KeySchema = toJsonSchema(fileSchema, {
    typeMode: "input",
    target: "draft-07",
  }) as KeySchema;
  const tables = Object.entries(schema.properties ?? {}).map(([name, table]) => {
    const meanings: Readonly<Record<string, Meaning>> = MEANINGS[name as keyof typeof MEANINGS];
    const doors = table.additionalProperties;
    const told =
      name === "door" && typeof doors === "object"
        ? { ...table, additionalProperties: described(doors, meanings) }
        : described(table, meanings);
    return [name, told] as const;
  });
  return {
    ...schema,
    title: "sallyport config.toml",
    properties: Object.fromEntries(tables),
  } as KeySchema;
}
