/**
 * `sallyport demo`: the whole story in ten seconds, in network namespaces that disappear
 * afterwards.
 */

import { Command, Option } from "@commander-js/extra-typings";
import { ExitCode } from "../core/errors.ts";
import { playService, playVisitor } from "./demo/actors.ts";
import { SERVER_ADDRESS } from "./demo/network.ts";
import { Play } from "./demo/play.ts";

export function demoCommand() {
  return (
    new Command("demo")
      .description(
        "Show all of it: two network namespaces, a real service, closed → knock → open → closed",
      )
      // The demo starts itself again for its two roles; they are not for people.
      .addOption(new Option("--play <role>").choices(["service", "visitor"] as const).hideHelp())
      .addOption(new Option("--port <port>").argParser(Number).hideHelp())
      .addHelpText(
        "after",
        "\nNeeds root and iproute2. Touches nothing of this machine but two namespaces of its own.\n" +
          "\nExample:\n  sudo sallyport demo",
      )
      .action(async ({ play, port }) => {
        if (play === "service") return await playService(port ?? 0);
        if (play === "visitor") return await playVisitor(SERVER_ADDRESS, port ?? 0);
        using demo = new Play();
        // Also when the reader of a pipe left (`| head`), which ends the process at once.
        process.once("exit", () => demo[Symbol.dispose]());
        for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
          process.once(signal, () => {
            demo[Symbol.dispose]();
            process.exit(ExitCode.failure);
          });
        }
        await demo.run();
      })
  );
}
