/** The compiled executable that system tests run: built by scripts/build, or named by SALLYPORT. */

import { existsSync } from "node:fs";
import { resolve } from "node:path";

export const EXECUTABLE =
  process.env["SALLYPORT"] ?? resolve(import.meta.dir, "../../dist/sallyport");

if (!existsSync(EXECUTABLE)) {
  throw new Error(`There is no ${EXECUTABLE}: run scripts/build --host, as scripts/test does`);
}
