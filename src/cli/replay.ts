/** `sallyport replay`: what a capture file would have opened, and why it would not. */

import { Command } from "@commander-js/extra-typings";
import { parseAddress } from "../core/address.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { withConfig } from "../config/find.ts";
import type { ReplayReport } from "../offline/replay.ts";
import { print, printable, printJson } from "./output.ts";

function printReport({ events, nearMisses, remarks, opened, frames, knocks }: ReplayReport): void {
  for (const { atMs, sentence } of events) {
    print(printable(`${new Date(atMs).toISOString()}  ${sentence}`));
  }
  for (const sentence of nearMisses) print(printable(`Nearly: ${sentence}`));
  for (const sentence of remarks) print(printable(`Note: ${sentence}`));
  const doors = opened === 1 ? "1 door" : `${opened} doors`;
  print(`${frames} frames, ${knocks} knocks: ${doors} would have opened`);
}

export function replayCommand() {
  return new Command("replay")
    .description("Run a capture file through decode and match: what would have opened, and why not")
    .argument(
      "<file>",
      'a .pcap or .pcapng file, as tcpdump -w or Wireshark writes it; "-" is standard input',
    )
    .option("--config <file>", "configuration file")
    .option("--to <address>", "only packets for this address of the server")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nThe packets' own times are the clock. Nothing is opened, nothing is marked as used.\n" +
        "\nExample:\n  tcpdump -i eth0 -w knock.pcap 'tcp[tcpflags] == tcp-syn'\n  sallyport replay knock.pcap",
    )
    .action(async (file, options) => {
      const to = options.to === undefined ? undefined : parseAddress(options.to);
      if (options.to !== undefined && to === undefined) {
        throw new SallyportError(
          `Cannot replay: --to is "${options.to}": write an address such as 203.0.113.7 or 2001:db8::7`,
          ExitCode.usage,
        );
      }
      const { replay } = await import("../offline/replay.ts");
      const report = withConfig(options.config, (config) => replay(file, config, to));
      if (options.json) printJson(report);
      else printReport(report);
      // After what was found in the part that could be read.
      if (report.damage !== undefined) throw new SallyportError(report.damage);
    });
}
