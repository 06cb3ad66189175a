/** Preloaded into a run of `main.ts`: puts the bug named by SIMULATE_MUTATION into the code as it is loaded. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { MUTATIONS } from "./mutations.ts";

const { SIMULATE_MUTATION: name } = process.env;
const found = MUTATIONS.find((mutation) => mutation.name === name);
if (found === undefined) throw new Error(`no mutation is named "${name}"`);
const { file, line, becomes } = found;
const path = resolve(import.meta.dir, "../../src", file);
const text = readFileSync(path, "utf8");
if (text.split(line).length !== 2) throw new Error(`${file} does not hold once: ${line}`);

Bun.plugin({
  name: "mutation",
  setup(build) {
    const escaped = path.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
    build.onLoad({ filter: new RegExp(`^${escaped}$`) }, () => ({
      contents: text.replace(line, () => becomes),
      loader: "ts",
    }));
  },
});
