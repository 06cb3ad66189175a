/** `sallyport reload`: puts the files into force, once the caller knows whom that cuts off. */

import { Command } from "@commander-js/extra-typings";
import { connectControl } from "../api/client.ts";
import { findConfig } from "../config/find.ts";
import { loadSettings } from "../config/load.ts";
import type { ReloadRequest, ReloadTold } from "../api/control.ts";
import { NeedsYes, SallyportError } from "../core/errors.ts";
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
        "A changed state_dir or [api] takes effect at the next start only, and is refused.\n" +
        "\nExamples:\n  sallyport reload\n  sallyport reload --arm 5m",
    )
    .action(async (options) => {
      const { changes, warnings, done } = await reload(await controlSocket(options), {
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
