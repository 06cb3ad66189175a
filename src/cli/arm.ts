/** `sallyport arm` and `confirm`: the guard on probation, and for good. */

import { Command } from "@commander-js/extra-typings";
import { connectControl } from "../api/client.ts";
import { configOption, controlSocket, socketOption } from "./control-socket.ts";
import { printable, printableQuote } from "../core/printable.ts";
import { print } from "./output.ts";
import { readProbation } from "./probation-time.ts";

export function armCommand() {
  return new Command("arm")
    .description("Guard on probation: unless you confirm in time, the kernel opens the ports again")
    .option("--for <duration>", "how long you have to confirm, 5s to 24h", "2m")
    .addOption(socketOption())
    .addOption(configOption())
    .addHelpText(
      "after",
      "\nThe kernel keeps the time, so it holds even when the daemon dies. To begin a first start so:\n" +
        "  sallyport serve --arm 2m\n" +
        "Sessions that live now stay; their owners need a knock for a new one.\n" +
        "\nExample:\n  sallyport arm --for 5m",
    )
    .action(async (options) => {
      const forMs = readProbation(options.for);
      print(printable(await connectControl(await controlSocket(options)).arm(forMs)));
    });
}

export function confirmCommand() {
  return new Command("confirm")
    .description("Make the guard permanent, after a knock and a new connection proved the way in")
    .option("--force", "without the proof")
    .addOption(socketOption())
    .addOption(configOption())
    .addHelpText("after", "\nExample:\n  sallyport confirm")
    .action(async (options) => {
      print(
        printableQuote(
          await connectControl(await controlSocket(options)).confirm(options.force === true),
        ),
      );
    });
}
