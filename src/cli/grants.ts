/** `sallyport grants`: the open doors, to which address, and for how much longer. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { Command } from "@commander-js/extra-typings";
import { configOption, controlSocket, socketOption } from "./control-socket.ts";
import { onTerminal, print, printJson, printTable } from "./output.ts";
import { localTime, roughDuration } from "./times.ts";
import { connectControl } from "../api/client.ts";
import type { Clock } from "../core/clock.ts";
import { systemClock } from "../core/clock.ts";
import type { Grant } from "../core/grant.ts";
import { formatPortRange } from "../core/port.ts";

const COLUMNS = [
  { title: "ADDRESS" },
  { title: "DOOR" },
  { title: "PORTS" },
  { title: "WHO" },
  { title: "OPENED" },
  { title: "LEFT", align: "right" },
  { title: "ID" },
] as const;

/** Whose knock it was, as far as that is known. */
export function grantedTo({ via, user, device }: Grant): string {
  if (user !== undefined) return device === undefined ? user : `${user}/${device}`;
  return via === "hand" ? "by hand" : "fixed knock";
}

function grantRow(grant: Grant, nowMs: number): string[] {
  return [
    grant.address,
    grant.door,
    grant.ports.map(formatPortRange).join(", "),
    grantedTo(grant),
    localTime(grant.openedMs),
    roughDuration(grant.expiresMs - nowMs),
    grant.id,
  ];
}

export function grantsCommand(clock: Clock = systemClock): CommandUnknownOpts {
  return new Command("grants")
    .description("List the doors that are open, to whom and for how long still")
    .addOption(socketOption())
    .addOption(configOption())
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sallyport grants")
    .action(async (options) => {
      const grants = await connectControl(await controlSocket(options)).grants();
      if (options.json === true) printJson(grants);
      else if (grants.length > 0 || !onTerminal()) {
        const nowMs = clock.wallMs();
        printTable(
          COLUMNS,
          grants.map((grant) => grantRow(grant, nowMs)),
        );
      } else print("No door is open to anybody");
    });
}
