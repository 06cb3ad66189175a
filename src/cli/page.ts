/** `sallyport page`: writes the page that knocks, one HTML file, for phones and borrowed machines. */

import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { renameSync, rmSync } from "node:fs";
import { ExitCode, messageOf, SallyportError } from "../core/errors.ts";
import { note } from "./knock-options.ts";
import { writeNewFile } from "./new-file.ts";
import { onTerminal, print } from "./output.ts";

const EXAMPLES = `
Examples:
  sallyport page --output knock.html     then open it in a browser, or put it on a web host
  sallyport page > /var/www/html/knock.html`;

const FAULTS: Readonly<Record<string, string>> = {
  EEXIST: "it exists: replace it with --force, or name another file",
  EISDIR: "it is a folder: name a file in it",
  ENOENT: "its folder does not exist: make it, or name another file",
  ENOSPC: "there is no room: make some, or name another file",
  EACCES: "EACCES: run as root, or name another file",
};

/** A file that is replaced is whole at every moment: somebody may be loading it. */
function write(file: string, text: string, force: boolean): void {
  const first = force ? `${file}.${process.pid}.new` : file;
  try {
    writeNewFile(first, text, 0o644);
    if (force) renameSync(first, file);
  } catch (error) {
    if (force) rmSync(first, { force: true });
    const code = (error as { readonly code?: string }).code ?? messageOf(error);
    throw new SallyportError(
      `Cannot write ${file}: ${FAULTS[code] ?? `${code}: name another file`}`,
    );
  }
}

export function pageCommand(): CommandUnknownOpts {
  return new Command("page")
    .description("Write the page that knocks, one HTML file for phones and borrowed machines")
    .option("--output <file>", "write it there; default: standard output")
    .option("--force", "replace a file of that name")
    .addHelpText(
      "after",
      "\nThe page holds no key, loads nothing else, and works from a file or from any https host. Links are pasted into" +
        "\nit, or scanned; their keys stay in the browser, which gives them to nobody.\n" +
        EXAMPLES,
    )
    .action(async ({ output, force = false }) => {
      const { PAGE } = await import("../page/html.ts");
      if (output !== undefined) {
        write(output, `${PAGE}\n`, force);
        note(`wrote ${output}: open it in a browser, or put it on any https host; it holds no key`);
        return;
      }
      if (onTerminal()) {
        throw new SallyportError(
          'Cannot write the page: standard output is a terminal: name a file, "sallyport page --output knock.html"',
          ExitCode.usage,
        );
      }
      print(PAGE);
    });
}
