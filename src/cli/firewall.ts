/**
 * `sallyport firewall`: shows the guard in the kernel, loads it without a daemon, or removes it.
 */

import { Command } from "@commander-js/extra-typings";
import { withConfig } from "../config/find.ts";
import { formatDuration } from "../core/duration.ts";
import { printableLines } from "../core/printable.ts";
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

export function firewallCommand() {
  const command = new Command("firewall")
    .description("Show, load or remove the rule set in the kernel; guard while booting")
    .addHelpText("after", "\nExample:\n  sudo sallyport firewall show");

  command
    .command("show")
    .description("Print the table as the kernel has it, grants included")
    .addHelpText("after", "\nExample:\n  sudo sallyport firewall show")
    .action(async () => {
      const { showFirewall } = await import("../offline/firewall-access.ts");
      // Whoever holds the daemon may have written comments into it.
      print(printableLines(showFirewall().trimEnd()));
    });

  command
    .command("remove")
    .description("Rescue: take the guard away, so that every port is reachable again")
    .addHelpText(
      "after",
      "\nNeeds no running daemon; stop one that runs first, it would put the guard up again." +
        "\nOther tables are not touched.\n\nExample:\n  sudo sallyport firewall remove",
    )
    .action(async () => {
      const { removeFirewall } = await import("../offline/firewall-access.ts");
      print(
        removeFirewall()
          ? "Removed the table inet sallyport: the ports it guarded are open to everybody"
          : "There is no table inet sallyport: nothing was guarded",
      );
    });

  command
    .command("load")
    .description("Load the guard once, without a daemon; living grants and sessions stay")
    .option("--config <file>", "configuration file")
    .option("--fallback <file>", "configuration to guard by when that one is broken; still fails")
    .addHelpText(
      "after",
      "\nWithout a daemon nothing opens a door: this is for the time before it starts." +
        "\nThe unit of `sallyport firewall install` runs it.\n" +
        "\nExample:\n  sudo sallyport firewall load --config /etc/sallyport/config.toml",
    )
    .action(async ({ config, fallback }) => {
      const { describeHolder, isGuarding } = await import("../control-plane/guard/guard-lock.ts");
      const { loadGuardForUnit, loadGuardOnce } = await import("../offline/load-guard.ts");
      const loaded =
        fallback === undefined
          ? withConfig(config, (file) => loadGuardOnce(file))
          : loadGuardForUnit(config, fallback);
      const { probationLeftMs: leftMs } = loaded;
      const ports = loaded.ports.join(", ") || "no port";
      if (isGuarding() === "yes") {
        print(
          `Guarding ${ports} beside the running daemon${describeHolder()}: where its own guard differs, the daemon restores that`,
        );
      } else if (leftMs === undefined) {
        print(`Guarding ${ports}: closed until a daemon opens doors (sallyport serve)`);
      } else if (leftMs === 0) {
        print(
          "Guarding no port: nobody confirmed the probation in time: start sallyport serve, and begin again with sallyport arm",
        );
      } else {
        print(
          `Guarding ${ports} on probation: start sallyport serve, knock, and run sallyport confirm, or the ports open again in ${formatDuration(Math.ceil(leftMs / 1_000) * 1_000)}`,
        );
      }
    });

  return command.addCommand(installCommand()).addCommand(uninstallCommand());
}

function installCommand() {
  return new Command("install")
    .description("Write a systemd unit that guards before the network is up; starts nothing")
    .addOption(unitConfigOption())
    .addOption(executableOption())
    .addOption(rootOption())
    .addOption(printOption())
    .addHelpText("after", "\nExample:\n  sudo sallyport firewall install --print")
    .action(async ({ config, executable, root: named, print: only }) => {
      const { broughtByPackage, guardFiles, install } = await import("../service/install.ts");
      const root = rootOf(named);
      const files = guardFiles({ config, executable, root });
      if (only === true) {
        printFiles(files, root);
        return;
      }
      printBrought(broughtByPackage(files, root));
      const next = [DAEMON_RELOAD, ["systemctl", "enable", "sallyport-guard"]];
      printDone("Wrote", install(files, root), next, root);
    });
}

function uninstallCommand() {
  return new Command("uninstall")
    .description("Remove the unit that install wrote; a loaded guard stays")
    .addOption(rootOption())
    .addHelpText("after", "\nExample:\n  sudo sallyport firewall uninstall")
    .action(async ({ root: named }) => {
      const { removeGuardUnit } = await import("../service/install.ts");
      const root = rootOf(named);
      const paths = removeGuardUnit(root);
      if (paths.length === 0) print("There is no unit of the guard: nothing was removed");
      printDone("Removed", paths, paths.length === 0 ? [] : [DAEMON_RELOAD], root);
    });
}
