/** The npm modules whose code is in the executable, and the terms they are under. */

import { Glob } from "bun";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface BundledModule {
  readonly name: string;
  readonly version: string;
  /** As its authors write it: "MIT". */
  readonly license: string;
  /** The lines of its license that name a holder of the copyright; the authors where it has none. */
  readonly holders: readonly string[];
  /** The whole license; undefined where the module brings none. */
  readonly text: string | undefined;
}

/** Those of which at least a byte is in the output of the bundler, by name. */
export async function bundledModules(repository: string): Promise<BundledModule[]> {
  const entrypoints = [
    "src/main.ts",
    ...new Glob("src/**/*.worker.ts").scanSync({ cwd: repository }),
  ].map((name) => join(repository, name));
  const { metafile } = await Bun.build({ entrypoints, target: "bun", metafile: true });
  const names = Object.values(metafile!.outputs)
    .flatMap(({ inputs }) => Object.entries(inputs))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .flatMap(([path]) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
  return [...new Set(names)].sort().map((name) => readModule(repository, name));
}

function readModule(repository: string, name: string): BundledModule {
  const folder = join(repository, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? undefined : readFileSync(join(folder, file), "utf8").trim();
  const holders = text?.match(/^Copyright .*(?:\d{4}|\(c\)).*$/gm) ?? [`The authors of ${name}`];
  return { name, version, license, holders, text };
}
