/** `sallyport firewall`: look at the guard in the kernel, or take it away. */

import { Command } from "@commander-js/extra-typings";
import { print } from "./output.ts";

export function firewallCommand() {
  const command = new Command("firewall").description("show or remove the rule set in the kernel");

  command
    .command("show")
    .description("print the table as the kernel has it, grants included")
    .addHelpText("after", "\nExample:\n  sallyport firewall show")
    .action(async () => {
      const { showFirewall } = await import("../daemon/firewall-access.ts");
      print(showFirewall().trimEnd());
    });

  command
    .command("remove")
    .description("rescue: take the guard away, so that every port is reachable again")
    .addHelpText(
      "after",
      "\nNeeds no running daemon; stop one that runs first, it would put the guard up again." +
        "\nOther tables are not touched.\n\nExample:\n  sallyport firewall remove",
    )
    .action(async () => {
      const { removeFirewall } = await import("../daemon/firewall-access.ts");
      print(
        removeFirewall()
          ? "Removed the table inet sallyport: the ports it guarded are open to everybody"
          : "There is no table inet sallyport: nothing was guarded",
      );
    });

  return command;
}
