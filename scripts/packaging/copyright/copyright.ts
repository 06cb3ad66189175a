/** The licenses of all that is in the executable: `copyright` of the package, `THIRD-PARTY` of the archives. */

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type BundledModule, bundledModules } from "./modules.ts";
import { linkedLibraries } from "./runtime.ts";

const REPOSITORY = resolve(import.meta.dir, "../../..");

/** By the names of npm; the template has the text of each. */
const DEBIAN_NAME: Readonly<Record<string, string>> = {
  MIT: "Expat",
  "BSD-3-Clause": "BSD-3-clause",
};

function debianName({ name, license }: BundledModule): string {
  const known = DEBIAN_NAME[license];
  if (known !== undefined) return known;
  throw new Error(
    `${name} is under ${license}: put that license's text into scripts/packaging/copyright/template`,
  );
}

/** As a field's further lines: one space before each, and a dot on the empty ones. */
function indented(text: string): string {
  return text.replaceAll(/^.*$/gm, (line) => ` ${line.trim() === "" ? "." : line}`);
}

/** In the format of https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/. */
export async function copyright(): Promise<string> {
  const { packageManager } = JSON.parse(readFileSync(join(REPOSITORY, "package.json"), "utf8"));
  const bun = String(packageManager).replace(/^bun@/, "");
  const modules = await bundledModules(REPOSITORY);
  const parts: Readonly<Record<string, string>> = {
    BUN: bun,
    HOLDERS: modules
      .flatMap(({ name, holders }) => holders.map((holder) => ` ${holder} (${name})`))
      .join("\n"),
    MODULES: modules
      .map((module) => `  ${module.name} ${module.version}: ${debianName(module)}`)
      .join("\n"),
    RUNTIME: linkedLibraries(REPOSITORY, bun)
      .map(({ name, license, place }) => `  ${name}: ${license}${place ? `, ${place}` : ""}`)
      .join("\n"),
    BSD: indented(modules.find(({ license }) => license === "BSD-3-Clause")?.text ?? ""),
  };
  return readFileSync(join(import.meta.dir, "template"), "utf8").replaceAll(
    /@([A-Z]+)@/g,
    (_, name: string) => parts[name]!,
  );
}
