/** `sallyport why`: what was heard from an address, and what it missed. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { Command } from "@commander-js/extra-typings";
import { configOption, controlSocket, socketOption } from "./control-socket.ts";
import { oneLine, print, printable, printJson, type Style, styled } from "./output.ts";
import { readPeer } from "./peer.ts";
import { connectControl } from "../api/client.ts";
import type { WhyFinding } from "../api/control.ts";

const GOOD: ReadonlySet<WhyFinding["kind"]> = new Set(["open", "opened", "closed", "allowed"]);

function mark({ kind }: WhyFinding): string {
  const [style, sign]: [Style, string] = GOOD.has(kind) ? ["green", "✓"] : ["yellow", "✗"];
  return styled(style, sign);
}

/** When its last knock came, unless the sentence has a time of its own. */
function when({ atMs }: WhyFinding): string {
  return atMs === undefined ? "" : `${new Date(atMs).toISOString().slice(0, 19)}Z  `;
}

export function whyCommand(): CommandUnknownOpts {
  return new Command("why")
    .description("Tell what was heard from an address, and why it opened a door or did not")
    .argument("<address>", "address of the knocks, as this server sees it")
    .addOption(socketOption())
    .addOption(configOption())
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nThe answer may name ports of sequences that can still be used: show it to nobody else.\n" +
        "\nExample:\n  sallyport why 203.0.113.9",
    )
    .action(async (text, options) => {
      const address = readPeer(text, "explain");
      const explanation = await connectControl(await controlSocket(options)).why(address);
      if (options.json === true) {
        printJson(explanation);
        return;
      }
      for (const finding of explanation.findings) {
        const sentence = printable(oneLine(finding.sentence));
        print(`${mark(finding)} ${styled("dim", when(finding))}${sentence}`);
      }
    });
}
