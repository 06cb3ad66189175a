/**
 * `sallyport import knockd`: turns a knockd.conf into a config.toml, and reports the fate of each
 * line.
 */

import { Command } from "@commander-js/extra-typings";
import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync } from "node:fs";
import { randomInt } from "node:crypto";
import { quote } from "../config/mistake.ts";
import { ExitCode, messageOf, SallyportError } from "../core/errors.ts";
import { writeNewFile } from "./new-file.ts";
import { print, printable, printError } from "./output.ts";

/** A file larger than this is not a knockd.conf. */
const MOST_BYTES = 256 * 1_024;
const DEFAULTS = "/etc/default/knockd";
/** The folders where knockd's shell would look for a program. */
const FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** A file to read: the failed action, and what could be named in its place. */
interface Wanted {
  readonly action: string;
  readonly instead: string;
  readonly insteadOfOther: string;
}

const CONFIGURATION: Wanted = {
  action: "import",
  instead: "name a knockd.conf",
  insteadOfOther: 'write "-" to read standard input',
};

const OPTIONS: Wanted = {
  action: "read the options of knockd in",
  instead: `name the file that starts it, mostly ${DEFAULTS}, or leave out --defaults`,
  insteadOfOther: `name the file that starts it, mostly ${DEFAULTS}`,
};

/** Checks the open file; a pipe of that name holds nobody up. */
function readFile(file: string, { action, insteadOfOther }: Wanted): Buffer {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile())
      throw new SallyportError(
        `Cannot ${action} ${file}: it is not a regular file: ${insteadOfOther}`,
      );
    if (stat.size > MOST_BYTES)
      throw new SallyportError(
        `Cannot ${action} ${file}: it has ${stat.size} bytes: name a file of at most ${MOST_BYTES}`,
      );
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

function read(file: string, wanted: Wanted): Buffer {
  const { action, instead } = wanted;
  try {
    return file === "-" ? readFileSync(0) : readFile(file, wanted);
  } catch (error) {
    if (error instanceof SallyportError) throw error;
    const code = (error as { readonly code?: string }).code;
    if (code === "ENOENT")
      throw new SallyportError(`Cannot ${action} ${file}: it does not exist: ${instead}`);
    const exit = code === "EACCES" ? ExitCode.privilege : ExitCode.failure;
    throw new SallyportError(
      `Cannot ${action} ${file}: ${code ?? messageOf(error)}: run as root, or make it readable`,
      exit,
    );
  }
}

const WRITE_FAULTS: Readonly<Record<string, string>> = {
  EEXIST: "it exists: move it away, or name another file",
  ENOENT: "its folder does not exist: make it, or name another file",
  ENOSPC: "there is no room: make some, or name another file",
  EACCES: "EACCES: run as root, or name another file",
};

/** Writes a new file only: an existing one may be the work of an hour. */
function write(file: string, text: string): void {
  try {
    writeNewFile(file, text, 0o644);
  } catch (error) {
    const code = (error as { readonly code?: string }).code ?? messageOf(error);
    const why = WRITE_FAULTS[code] ?? `${code}: name another file`;
    throw new SallyportError(`Cannot write ${file}: ${why}`);
  }
}

const find = (name: string) =>
  FOLDERS.map((folder) => `${folder}/${name}`).find((path) => existsSync(path));

/** The report goes to standard error: standard output is the configuration. */
function tell(line: string): void {
  printError(printable(line));
}

function knockdCommand() {
  return new Command("knockd")
    .description("Turn a knockd.conf into a config.toml, and report every line")
    .argument("<file>", 'the knockd.conf; "-" is standard input')
    .option("--defaults <file>", `options that knockd is started with, mostly ${DEFAULTS}`)
    .option(
      "--output <file>",
      "write the configuration there, where no file is yet; default: standard output",
    )
    .addHelpText(
      "after",
      "\nRuns nothing and changes nothing else. The report on standard error calls each line converted, converted with" +
        "\na difference, or not convertible. Exits with 1 where something is left to decide.\n" +
        "\nExamples:\n  sallyport import knockd /etc/knockd.conf --output config.toml" +
        "\n  sallyport import knockd /etc/knockd.conf --defaults /etc/default/knockd",
    )
    .action(async (file, { defaults, output }) => {
      const { importKnockd } = await import("../import-knockd/import-knockd.ts");
      const { isWhole, reportLines } = await import("../import-knockd/report.ts");
      if (file === "-" && defaults === "-") {
        throw new SallyportError(
          "Cannot import standard input: --defaults names it as well: name a file for one of them",
          ExitCode.usage,
        );
      }
      const name = file === "-" ? "standard input" : file;
      const imported = importKnockd(
        {
          name,
          bytes: read(file, CONFIGURATION),
          ...(defaults !== undefined && {
            defaults: { name: defaults, text: read(defaults, OPTIONS).toString("utf8") },
          }),
          output: output ?? "config.toml",
        },
        { find, draw: (below) => randomInt(below) },
      );
      if (imported.sections === 0) {
        throw new SallyportError(
          `Cannot import ${name}: it has no section of knockd: name a knockd.conf`,
          ExitCode.config,
        );
      }
      if (output === undefined) print(imported.toml.trimEnd());
      else write(output, imported.toml);
      for (const line of reportLines(imported, output)) tell(line);
      if (file === "/etc/knockd.conf" && defaults === undefined && existsSync(DEFAULTS)) {
        tell(
          `Note: ${DEFAULTS} was not read: name it with --defaults, since its options go before the file`,
        );
      }
      if (!isWhole(imported)) process.exitCode = ExitCode.failure;
    });
}

export function importCommand() {
  const group = new Command("import")
    .description("Take over the configuration of another knock daemon")
    .addCommand(knockdCommand())
    .addHelpText(
      "after",
      "\nExample:\n  sallyport import knockd /etc/knockd.conf --output config.toml",
    );
  group.on("command:*", ([first = ""]: string[]) => {
    throw new SallyportError(
      `Cannot import ${quote(first)}: it is not a program known here: write "sallyport import knockd FILE"`,
      ExitCode.usage,
    );
  });
  return group;
}
