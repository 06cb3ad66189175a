/** `sallyport serve`. */

import { Command } from "@commander-js/extra-typings";
import { readProbation } from "./probation-time.ts";

export function serveCommand() {
  return new Command("serve")
    .description("Guard the ports, listen for knocks, open doors; ends with SIGTERM or SIGINT")
    .option("--config <file>", "configuration file")
    .option("--arm <duration>", "guard on probation at first: see sallyport arm --help")
    .addHelpText(
      "after",
      "\nSIGHUP reads the configuration again; a bad one changes nothing. It also listens again where the control" +
        "\nsocket was removed.\n" +
        "\nExample:\n  sallyport serve --config /etc/sallyport/config.toml",
    )
    .action(async ({ config, arm }) => {
      const { serve } = await import("../control-plane/serve.ts");
      await serve(config, arm === undefined ? undefined : readProbation(arm));
    });
}
