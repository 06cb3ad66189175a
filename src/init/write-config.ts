/** Writes the first configuration, with its schema for editors beside it. */

import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { configJsonSchema } from "../config/json-schema.ts";
import { messageOf, SallyportError } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";
import { placeText } from "../files/place-text.ts";
import { SCHEMA_FILE } from "./draft.ts";

/** Replaces nothing but an example, where it `replaces` one; returns the paths. Throws a SallyportError. */
export function writeConfig(file: string, text: string, replaces: boolean): string[] {
  const folder = dirname(file);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const schema = `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
    const beside = join(folder, SCHEMA_FILE);
    placeText(beside, schema, { mode: 0o644, how: "replace" });
    placeText(file, text, { mode: 0o644, how: replaces ? "replace" : "create" });
    return [file, beside];
  } catch (error) {
    const code = codeOf(error) ?? messageOf(error);
    const why =
      code === "EEXIST"
        ? 'somebody wrote it meanwhile: run "sallyport init" again'
        : `${code}: name another file with --config`;
    throw new SallyportError(`Cannot write ${file}: ${why}`, undefined, { cause: error });
  }
}
