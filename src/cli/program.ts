/** The command line: registers every command, turns errors into one sentence and an exit code. */

import { Command, CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { nobodyListens } from "../api/client.ts";
import { looksLikeKey, looksLikeLink } from "../client/profile-source.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { VERSION } from "../core/version.ts";
import { agentCommand } from "./agent.ts";
import { armCommand, confirmCommand } from "./arm.ts";
import { checkCommand } from "./check.ts";
import { closeCommand } from "./close.ts";
import { demoCommand } from "./demo.ts";
import { doctorCommand } from "./doctor.ts";
import { firewallCommand } from "./firewall.ts";
import { grantsCommand } from "./grants.ts";
import { importCommand } from "./import.ts";
import { initCommand } from "./init.ts";
import { knockCommand } from "./knock.ts";
import { logCommand } from "./log.ts";
import { openCommand } from "./open.ts";
import { guardOutput, printError } from "./output.ts";
import { pageCommand } from "./page.ts";
import { profileCommand } from "./profile.ts";
import { proxyCommand } from "./proxy.ts";
import { reloadCommand } from "./reload.ts";
import { cannotBoth, refuseOpposites, refuseRepeated } from "./repeated-options.ts";
import { replayCommand } from "./replay.ts";
import { serveCommand } from "./serve.ts";
import { serviceCommand } from "./service.ts";
import { sshConfigCommand } from "./ssh-config.ts";
import { statusCommand } from "./status.ts";
import { explainUnheard } from "./unheard.ts";
import { userCommand } from "./user.ts";
import { versionCommand } from "./version.ts";
import { whyCommand } from "./why.ts";

const GROUP_AND_OTHERS = 0o077; // S_IRWXG | S_IRWXO, sys/stat.h

/** The commands of a client, which run on every system; all others belong to a server. */
const CLIENT_COMMANDS: readonly string[] = [
  "knock",
  "proxy",
  "ssh-config",
  "agent",
  "profile",
  "page",
  "version",
];

/** Throws (exit 1) for a command of a server on a system that cannot be one. */
function needLinux(command: CommandUnknownOpts, platform: NodeJS.Platform): void {
  const path = pathOf(command);
  if (platform === "linux" || CLIENT_COMMANDS.includes(path.split(" ")[0]!)) return;
  throw new SallyportError(
    `Cannot run "${path}" here: a server needs Linux: run it on the server; on this computer there are ${CLIENT_COMMANDS.join(", ")}`,
  );
}

/** Builds the whole command tree; every command is one file of this folder. */
export function program(platform: NodeJS.Platform = process.platform): Command {
  const root = new Command("sallyport")
    .description("Hides ports of this server and opens one, to one address, at the right knock")
    .version(VERSION)
    .showSuggestionAfterError()
    .exitOverride()
    .configureHelp({ sortSubcommands: false })
    .hook("preAction", (_, command) => needLinux(command, platform))
    .showHelpAfterError('Run "sallyport help", or a command with --help, to see what there is')
    .addHelpText(
      "after",
      "\nExamples:" +
        "\n  sudo sallyport demo                    see it work, without touching this machine" +
        "\n  sudo sallyport user add alice          a key, and the link for alice's device" +
        "\n  sudo sallyport check                   the ports to guard, and how strong the doors are" +
        "\n  sudo sallyport serve                   guard" +
        "\n  sallyport knock --save home            on the device: store the link" +
        "\n  sallyport knock home && ssh gate       and knock",
    );
  tellErrors(root);
  const commands = [
    initCommand(),
    serveCommand(),
    checkCommand({
      renderGuard: async (settings) => {
        const { renderGuard } = await import("../offline/firewall-access.ts");
        return renderGuard(settings).trimEnd();
      },
      warningsHere: async (settings) => {
        const { knockedHere } = await import("../doctor/knocked-here.ts");
        return knockedHere(settings);
      },
    }),
    userCommand(),
    knockCommand(),
    proxyCommand(),
    sshConfigCommand(),
    agentCommand(),
    profileCommand(),
    pageCommand(),
    statusCommand(),
    grantsCommand(),
    openCommand(),
    closeCommand(),
    whyCommand(),
    armCommand(),
    confirmCommand(),
    reloadCommand(),
    logCommand(),
    replayCommand(),
    doctorCommand(),
    firewallCommand(),
    serviceCommand(),
    importCommand(),
    demoCommand(),
    versionCommand(platform),
  ];
  for (const command of commands) {
    root.addCommand(command);
    inherit(command, root);
  }
  return root;
}

/** The parser's own errors begin like ours. */
function tellErrors(command: CommandUnknownOpts): void {
  command.configureOutput({
    outputError: (text, write) => {
      const told = text.startsWith("error: too many arguments")
        ? tooMany(command)
        : (conflict(command, text) ?? withoutLinks(text));
      write(told.replace(/^error: (.)/, (_, first: string) => `sallyport: ${first.toUpperCase()}`));
    },
  });
}

/** A link that stands where the parser wants something else is a key that nobody should read over a shoulder. */
function withoutLinks(text: string): string {
  const hide = (part: string) => {
    if (looksLikeLink(part)) return "(not shown: a link)";
    return looksLikeKey(part.replaceAll("'", "")) ? "(not shown: a key)" : part;
  };
  // The text between two quotes, and what is left of one that holds a quote itself.
  const shown = text.replaceAll(/'[^']*'/g, hide).replaceAll(/\S+/g, hide);
  if (shown !== text && text.startsWith("error: unknown command")) {
    return 'error: a link is no command: run "sallyport knock --save NAME", and paste it when asked\n';
  }
  return shown;
}

/** Two options that exclude each other, told like those of `refuseRepeated`; undefined for another text. */
function conflict(command: CommandUnknownOpts, text: string): string | undefined {
  const [, ...flags] = /^error: option '(.*)' cannot be used with option '(.*)'$/m.exec(text) ?? [];
  if (flags.length === 0) return undefined;
  const [one, other] = flags.map((flag) => /--[a-z0-9-]+/.exec(flag)?.[0] ?? flag);
  return `error: ${cannotBoth(pathOf(command), one!, other!)}\n`;
}

/** Quotes none of them, since one may be a key. Mostly they are the value of an option. */
function tooMany(command: CommandUnknownOpts): string {
  const takes = command.registeredArguments.map((one) => `<${one.name()}>`);
  const options = command.options.filter(({ required }) => required).map(({ flags }) => flags);
  const wanted = takes.length === 0 ? "no argument" : takes.join(" and ");
  const named = options.length === 0 ? "" : `, and the rest by its option: ${options.join(", ")}`;
  return `error: too many arguments for "${pathOf(command)}": it takes ${wanted}${named}\n`;
}

/** A command as people type it after the name of the program: "user add". */
function pathOf(command: CommandUnknownOpts): string {
  const { parent } = command;
  return parent?.parent == null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}

/**
 * What holds for every command. `addCommand` hands nothing down: without this, a mistyped option
 * would end the process by itself with code 1.
 */
function inherit(command: CommandUnknownOpts, from: CommandUnknownOpts): void {
  command.copyInheritedSettings(from);
  tellErrors(command);
  refuseRepeated(command, pathOf(command));
  refuseOpposites(command, pathOf(command));
  for (const child of command.commands) inherit(child, command);
}

/** Runs one command line and returns its exit code. Prints the error, if any, as one sentence. */
export async function main(argv: readonly string[]): Promise<number> {
  guardOutput();
  // Rights that a umask takes from the owner would be missing in every folder made on the way to a file.
  process.umask(process.umask() & GROUP_AND_OTHERS);
  try {
    const root = program();
    await root.parseAsync([...argv], { from: "user" });
    return Number(process.exitCode ?? ExitCode.ok);
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    }
    if (error instanceof SallyportError) {
      const told = nobodyListens(error) ? await explainUnheard(error) : error;
      printError(`sallyport: ${told.message}`);
      return told.exitCode;
    }
    throw error;
  }
}
