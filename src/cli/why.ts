/** `sallyport why`: what was heard from an address, and what it missed. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { Command } from "@commander-js/extra-typings";
import { configOption, controlSocket, socketOption } from "./control-socket.ts";
import {
  onTerminal,
  oneLine,
  print,
  printable,
  printJson,
  printTable,
  type Style,
  styled,
} from "./output.ts";
import { readPeer } from "./peer.ts";
import { localTime } from "./times.ts";
import { connectControl } from "../api/client.ts";
import type { HeardAddress, WhyFinding } from "../api/control.ts";

const GOOD: ReadonlySet<WhyFinding["kind"]> = new Set(["open", "opened", "closed", "allowed"]);

function mark({ kind }: WhyFinding): string {
  const [style, sign]: [Style, string] = GOOD.has(kind) ? ["green", "✓"] : ["yellow", "✗"];
  return styled(style, sign);
}

/** When its last knock came, unless the sentence has a time of its own. */
function when({ atMs }: WhyFinding): string {
  return atMs === undefined ? "" : `${shownTime(atMs)}  `;
}

/** A person compares it with the clock on the wall, and with `log`; a program gets one spelling everywhere. */
function shownTime(atMs: number): string {
  return onTerminal() ? localTime(atMs) : `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}

const COLUMNS = [
  { title: "ADDRESS" },
  { title: "KNOCKS", align: "right" },
  { title: "LAST KNOCK" },
] as const;

function listHeard(heard: readonly HeardAddress[], asJson: boolean): void {
  if (asJson) {
    printJson(heard);
    return;
  }
  if (heard.length === 0 && onTerminal()) {
    print("No address knocked more than once in the last ten minutes");
    return;
  }
  const rows = heard.map(({ address, knocks, lastMs }) => [
    address,
    `${knocks}`,
    shownTime(lastMs),
  ]);
  printTable(COLUMNS, rows);
}

export function whyCommand(): CommandUnknownOpts {
  return new Command("why")
    .description("Tell what was heard from an address, and why it opened a door or did not")
    .argument("[address]", "address of the knocks, as this server sees it")
    .addOption(socketOption())
    .addOption(configOption())
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nWithout an address it lists those that knocked in the last ten minutes, more than once.\n" +
        "\nThe answer may name ports of sequences that can still be used: show it to nobody else.\n" +
        "\nExample:\n  sallyport why 203.0.113.9",
    )
    .action(async (text, options) => {
      const address = text === undefined ? undefined : readPeer(text, "explain");
      const control = connectControl(await controlSocket(options));
      if (address === undefined) {
        listHeard(await control.heard(), options.json === true);
        return;
      }
      const explanation = await control.why(address);
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
