/** `sallyport version`: the build, and the libraries of this machine that it works with. */

import { Command } from "@commander-js/extra-typings";
import { COMMIT, VERSION } from "../core/version.ts";
import type { LibraryFacts } from "../doctor/libraries.ts";
import { print, printJson } from "./output.ts";

function describe({ name, packages, found }: LibraryFacts): string {
  if (found === undefined) return `${name} is missing: install the package ${packages}`;
  const { version, file } = found;
  return version === undefined ? `${name} (${file})` : `${name} ${version} (${file})`;
}

function factsJson({ name, packages, found }: LibraryFacts) {
  return found === undefined
    ? { name, found: false, install: packages }
    : { name, found: true, version: found.version ?? null, file: found.file };
}

/** Only the server needs libraries, and servers run on Linux. */
async function readFor(platform: NodeJS.Platform): Promise<LibraryFacts[]> {
  if (platform !== "linux") return [];
  const { readLibraries } = await import("../doctor/libraries.ts");
  return readLibraries();
}

export function versionCommand(platform: NodeJS.Platform) {
  return new Command("version")
    .description("Tell version, commit, runtime and the libraries of this machine")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nlibnftables tells its version to root alone; libnftnl and libmnl have it in their file's name only.\n" +
        "\nExample:\n  sudo sallyport version --json",
    )
    .action(async ({ json }) => {
      const libraries = await readFor(platform);
      if (json === true) {
        printJson({
          version: VERSION,
          commit: COMMIT,
          bun: Bun.version,
          platform: `${process.platform}-${process.arch}`,
          libraries: libraries.map(factsJson),
        });
        return;
      }
      print(`sallyport ${VERSION} (commit ${COMMIT})`);
      print(`Bun ${Bun.version} on ${process.platform}-${process.arch}`);
      for (const facts of libraries) print(describe(facts));
    });
}
