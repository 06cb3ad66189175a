/** `sallyport reload`: puts the files into force, once the caller knows whom that cuts off. */

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { connectControl } from "../api/client.ts";
import { findConfig } from "../config/find.ts";
import { loadSettings } from "../config/load.ts";
import type { ReloadRequest, ReloadTold } from "../api/control.ts";
import { ExitCode, NeedsYes, SallyportError } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";
import { ask, canAsk } from "./ask.ts";
import { callerConnection } from "./caller.ts";
import { configOption, controlSocket, socketOption } from "./control-socket.ts";
import { print, printable, printError } from "./output.ts";
import { readProbation } from "./probation-time.ts";

const printLine = (line: string) => printError(printable(line));

/** Asks a person. Throws the refusal where there is nobody to ask, or the answer is no. */
async function requireMeant(refusal: NeedsYes): Promise<void> {
  if (!canAsk()) throw refusal;
  refusal.message.split("\n").forEach(printLine);
  const answer = await ask('Reload all the same? "yes" does, all else changes nothing:');
  if (answer.toLowerCase() !== "yes") throw new SallyportError("Nothing was changed");
}

async function reload(socket: string, request: ReloadRequest): Promise<ReloadTold> {
  const client = connectControl(socket);
  try {
    return await client.reload(request);
  } catch (error) {
    if (!(error instanceof NeedsYes)) throw error;
    await requireMeant(error);
    return await client.reload({ ...request, yes: true });
  }
}

/** Whether `named` is another file than `own`; false where `own` cannot be looked at from here. */
function differ(named: string, own: string): boolean {
  if (resolve(named) === own) return false;
  try {
    const theirs = statSync(own, { bigint: true });
    const mine = statSync(named, { bigint: true, throwIfNoEntry: false });
    return mine?.dev !== theirs.dev || mine.ino !== theirs.ino;
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return false;
  }
}

async function configOf(socket: string): Promise<string | undefined> {
  try {
    return (await connectControl(socket).status()).config;
  } catch (error) {
    if (error instanceof SallyportError) return undefined;
    throw error;
  }
}

/**
 * A daemon reads the file that it was started with, and no other: whoever names another one means that
 * to be read. One of an earlier version does not tell which it reads, and the reload itself says what
 * is wrong with one that does not answer.
 */
async function requireItsFile(socket: string, named: string): Promise<void> {
  const own = await configOf(socket);
  if (own === undefined || !differ(named, own)) return;
  throw new SallyportError(
    `Cannot reload ${named}: the daemon runs by ${own}, and a reload reads that one: copy it there, then run "sallyport reload"; nothing was changed`,
    ExitCode.usage,
  );
}

/**
 * Conditions of this machine that are in the way of knocks, as `check` reports them; the daemon
 * itself sees fewer.
 */
async function warningsHere(config: string | undefined): Promise<readonly string[]> {
  const { knockedHere } = await import("../doctor/knocked-here.ts");
  try {
    return knockedHere(loadSettings(findConfig(config)));
  } catch (error) {
    // The daemon may read a file that is not found from here.
    if (error instanceof SallyportError) return [];
    throw error;
  }
}

export function reloadCommand() {
  return new Command("reload")
    .description("Make the daemon read its configuration and keys again, all of it or nothing")
    .option("--yes", "even where it cuts somebody off")
    .option(
      "--arm <duration>",
      "on probation: unless you confirm in time, the present configuration returns",
    )
    .addOption(socketOption())
    .addOption(configOption())
    .addHelpText(
      "after",
      "\nGrants live on. A configuration with a mistake changes nothing; every mistake is told. Whoever is cut\n" +
        "off is told as well; where nobody could open a door any more, or you could be cut off, it asks first.\n" +
        "The daemon reads the file that it was started with; another one named with --config is refused.\n" +
        "A changed state_dir or [api] takes effect at the next start only, and is refused.\n" +
        "\nExamples:\n  sallyport reload\n  sallyport reload --arm 5m",
    )
    .action(async (options) => {
      const socket = await controlSocket(options);
      if (options.config !== undefined) await requireItsFile(socket, options.config);
      const { changes, warnings, done } = await reload(socket, {
        ...(options.yes === true && { yes: true }),
        ...(options.arm !== undefined && { armMs: readProbation(options.arm) }),
        from: callerConnection(),
      });
      for (const change of changes) printLine(change);
      for (const warning of [...warnings, ...(await warningsHere(options.config))]) {
        printLine(`Warning: ${warning}`);
      }
      print(printable(done));
    });
}
