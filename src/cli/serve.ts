/** `sallyport serve`. */

import { Command } from "@commander-js/extra-typings";
import { findConfig } from "../config/find.ts";

export function serveCommand() {
  return new Command("serve")
    .description("guard the ports, listen for knocks, open doors; ends with SIGTERM or SIGINT")
    .option("--config <file>", "configuration file")
    .addHelpText(
      "after",
      "\nSIGHUP reads the configuration again; a bad one changes nothing.\n" +
        "\nExample:\n  sallyport serve --config /etc/sallyport/config.toml",
    )
    .action(async ({ config }) => {
      const { serve } = await import("../daemon/serve.ts");
      await serve(findConfig(config));
    });
}
