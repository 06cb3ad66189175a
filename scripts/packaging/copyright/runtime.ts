/** The libraries that Bun's authors link Bun with, as the pinned version of Bun lists them. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface LinkedLibrary {
  readonly name: string;
  /** Its home; undefined where the list names none. */
  readonly place: string | undefined;
  readonly license: string;
}

/** Libraries and embedded packages; without those of other systems. Throws where it cannot tell. */
export function linkedLibraries(repository: string, bunVersion: string): LinkedLibrary[] {
  const folder = join(repository, "node_modules/bun-types");
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (version !== bunVersion) {
    throw new Error(
      `Cannot list the libraries of Bun ${bunVersion}: bun-types is ${version}: pin both alike`,
    );
  }
  const rows = readFileSync(join(folder, "docs/project/license.mdx"), "utf8")
    .matchAll(/^\|([^|]+)\|([^|]+)\|$/gm)
    .map(([, library = "", license = ""]) => row(library.trim(), license.trim()));
  const libraries = [...rows].flatMap((found) => found ?? []);
  if (libraries.length < 20) throw new Error("Cannot read Bun's list of its libraries");
  return libraries;
}

function row(library: string, license: string): LinkedLibrary | undefined {
  if (/^(Library|Package|-+)$/.test(library) || library.endsWith("(on Windows)")) return undefined;
  const plain = (text: string) => text.replaceAll(/\[`?([^\]`]*)`?\]\([^)]*\)/g, "$1");
  const link = (text: string) => /\]\(([^)]*)\)/.exec(text)?.[1];
  return { name: plain(library), place: link(license) ?? link(library), license: plain(license) };
}
