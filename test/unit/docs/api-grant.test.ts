/** docs/api.md shows a grant as the API answers with it. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { GrantSchema } from "../../../src/api/schemas.ts";

test("docs/api.md shows a grant with all that the API promises of it", () => {
  const text = readFileSync(join(import.meta.dir, "../../../docs/api.md"), "utf8");
  const [, shown = ""] = /\nA grant:\n\n```json\n([^`]*)```/.exec(text) ?? [];
  expect(v.safeParse(GrantSchema, JSON.parse(shown)).issues).toBeUndefined();
});
