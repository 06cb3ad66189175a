/** The commented configuration that packages bring: an example that nobody has made his own yet. */

import { readFileSync } from "node:fs";
import EXAMPLE from "../../config.toml" with { type: "text" };

/** Whether the file is the example of this version, word for word. */
export function isExample(file: string): boolean {
  return readFileSync(file, "utf8") === String(EXAMPLE);
}
