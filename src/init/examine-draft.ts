/** The doctor's findings about a configuration that nobody has written yet. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Finding } from "../core/finding.ts";
import { examine } from "../doctor/examine.ts";

/** These look at what is about to be made: keys, state and a daemon. */
const LATER = new Set(["configuration", "keys", "state folder", "daemon"]);

/** What would stop a knock on this machine, or may. */
export async function examineDraft(text: string): Promise<Finding[]> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-init-"));
  try {
    const file = join(folder, "config.toml");
    writeFileSync(file, text);
    const findings = await examine(file);
    return findings.filter(({ check, level }) => level !== "ok" && !LATER.has(check));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
