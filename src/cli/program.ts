/** The command line: every command registered, errors turned into one sentence and an exit code. */

import { Command, CommanderError } from "@commander-js/extra-typings";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { VERSION } from "../core/version.ts";
import { knockCommand } from "./knock.ts";

/** Builds the whole command tree; every command is one file of this folder. */
export function program(): Command {
  const root = new Command("sallyport")
    .description("Hides ports of this server and opens one, to one address, at the right knock")
    .version(VERSION)
    .showSuggestionAfterError()
    .exitOverride()
    .configureHelp({ sortSubcommands: false });
  root.addCommand(knockCommand());
  return root;
}

/** Runs one command line and answers its exit code; prints the error, if any, as one sentence. */
export async function main(argv: readonly string[]): Promise<number> {
  const root = program();
  try {
    await root.parseAsync([...argv], { from: "user" });
    return Number(process.exitCode ?? ExitCode.ok);
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    }
    if (error instanceof SallyportError) {
      process.stderr.write(`sallyport: ${error.message}\n`);
      return error.exitCode;
    }
    throw error;
  }
}
