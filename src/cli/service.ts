/** `sallyport service`: writes the daemon's systemd unit, or removes it. */

import { Command } from "@commander-js/extra-typings";
import { print } from "./output.ts";
import {
  executableOption,
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
      const { install, preparations, serviceFiles } = await import("../service/install.ts");
      const root = rootOf(named);
      const options = { user, config, executable, root };
      const files = serviceFiles(options);
      if (only === true) {
        printFiles(files, root);
        return;
      }
      const start = ["systemctl daemon-reload", "systemctl enable --now sallyport"];
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
      printDone("Removed", paths, paths.length === 0 ? [] : ["systemctl daemon-reload"], root);
    });
}

export function serviceCommand() {
  return new Command("service")
    .description("Run as a systemd service: write its unit, or take it away")
    .addCommand(installCommand())
    .addCommand(removeCommand())
    .addHelpText("after", "\nExample:\n  sudo sallyport service install --print");
}
