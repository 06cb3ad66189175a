/** `sallyport page`: writes the page that knocks, one HTML file, for phones and borrowed machines. */

import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { renameSync, rmSync, statSync } from "node:fs";
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

function isFolder(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** By root's hand, a file would take the place of /dev/null. */
function checkReplaced(file: string): void {
  const there = statSync(file, { throwIfNoEntry: false });
  if (there === undefined || there.isFile() || there.isDirectory()) return;
  throw new SallyportError(
    `Cannot write ${file}: it is no file that could be replaced: name another, or leave --output out`,
  );
}

/** A file that is replaced is whole at every moment: somebody may be loading it. */
function replace(file: string, text: string): void {
  checkReplaced(file);
  const beside = `${file}.${process.pid}.new`;
  writeNewFile(beside, text, 0o644);
  try {
    renameSync(beside, file);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

function write(file: string, text: string, force: boolean): void {
  try {
    if (force) replace(file, text);
    else writeNewFile(file, text, 0o644);
  } catch (error) {
    if (error instanceof SallyportError) throw error;
    const told = (error as { readonly code?: string }).code ?? messageOf(error);
    // A new file cannot be made in its place either, and --force would not replace it.
    const code = told === "EEXIST" && isFolder(file) ? "EISDIR" : told;
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
