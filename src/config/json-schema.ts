/** The JSON Schema of config.toml, for editors. */

import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { doorSchema } from "./door-keys.ts";
import { alarmSchema, apiSchema, guardSchema, knockSchema, serverSchema } from "./schema.ts";

/** The whole file; loading takes it table by table (read-settings.ts), so that it can tell more. */
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

/** Draft 7, of what people write: durations and ports are still text in it. */
export function configJsonSchema(): object {
  const schema = toJsonSchema(fileSchema, { typeMode: "input", target: "draft-07" });
  return { ...schema, title: "sallyport config.toml" };
}
