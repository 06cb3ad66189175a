/** `sallyport service`: writes the daemon's systemd unit, or removes it. */

import { Command } from "@commander-js/extra-typings";
import { print } from "./output.ts";
import {
  DAEMON_RELOAD,
  executableOption,
  printBrought,
  printDone,
  printFiles,
  printOption,
  rootOf,
  rootOption,
  unitConfigOption,
} from "./unit-options.ts";

function installCommand() {
  return new Command("install")
    .description("Write the unit, and the user it runs as; starts nothing")
    .option("--user <name>", "user to run as, without other rights", "sallyport")
    .addOption(unitConfigOption())
    .addOption(executableOption())
    .addOption(rootOption())
    .addOption(printOption())
    .addHelpText(
      "after",
      "\nThe unit gives the daemon two capabilities in a tight sandbox. Keep changes in a drop-in:" +
        "\nsystemctl edit sallyport. Installing again replaces the unit.\n" +
        "\nExample:\n  sudo sallyport service install --print",
    )
    .action(async ({ user, config, executable, root: named, print: only }) => {
      const { broughtByPackage, install, preparations, serviceFiles } =
        await import("../service/install.ts");
      const root = rootOf(named);
      const options = { user, config, executable, root };
      const files = serviceFiles(options);
      if (only === true) {
        printFiles(files, root);
        return;
      }
      printBrought(broughtByPackage(files, root));
      const start = [DAEMON_RELOAD, ["systemctl", "enable", "--now", "sallyport"]];
      printDone("Wrote", install(files, root), [...preparations(options), ...start], root);
    });
}

function removeCommand() {
  return new Command("remove")
    .description("Take away what install wrote; keys, state, user and guard stay")
    .addOption(rootOption())
    .addHelpText("after", "\nExample:\n  sudo sallyport service remove")
    .action(async ({ root: named }) => {
      const { removeService } = await import("../service/install.ts");
      const root = rootOf(named);
      const paths = removeService(root);
      if (paths.length === 0) print("There is no unit of the service: nothing was removed");
      printDone("Removed", paths, paths.length === 0 ? [] : [DAEMON_RELOAD], root);
    });
}

function handoverCommand() {
  return new Command("handover")
    .description("Let units that a package brought take the place of those that install wrote")
    .addOption(rootOption())
    .addHelpText(
      "after",
      "\nWhat install wrote goes before a package's units, and would go on starting what it names. Units that" +
        "\nare enabled stay enabled. What somebody changed, or what names other places, is left and told." +
        "\nThe package runs this by itself.\n" +
        "\nExample:\n  sudo sallyport service handover",
    )
    .action(async ({ root: named }) => {
      const { handOver } = await import("../service/handover.ts");
      const root = rootOf(named);
      const { removed, kept } = handOver(root);
      for (const { path, why } of kept) {
        print(
          `Kept ${path}, which goes before the package's unit: ${why}: keep what differs in ${path}.d/, then remove it`,
        );
      }
      printDone("Removed", removed, removed.length === 0 ? [] : [DAEMON_RELOAD], root);
      if (removed.length + kept.length === 0) print("There is nothing to hand over");
    });
}

export function serviceCommand() {
  return new Command("service")
    .description("Run as a systemd service: write its unit, or take it away")
    .addCommand(installCommand())
    .addCommand(removeCommand())
    .addCommand(handoverCommand())
    .addHelpText("after", "\nExample:\n  sudo sallyport service install --print");
}
