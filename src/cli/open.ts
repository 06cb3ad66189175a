/** `sallyport open DOOR ADDRESS`: opens a door by hand, without a knock. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { Command } from "@commander-js/extra-typings";
import { configOption, controlSocket, socketOption } from "./control-socket.ts";
import { print, printable, printJson } from "./output.ts";
import { readPeer } from "./peer.ts";
import { localTime, roughDuration } from "./times.ts";
import type { ControlClient } from "../api/client.ts";
import { connectControl } from "../api/client.ts";
import { MAX_OPEN_MS, MIN_OPEN_MS } from "../api/schemas.ts";
import type { Clock } from "../core/clock.ts";
import { systemClock } from "../core/clock.ts";
import { formatDuration, parseDuration } from "../core/duration.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";

function readFor(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= MIN_OPEN_MS && ms <= MAX_OPEN_MS) return ms;
  const limits = `${formatDuration(MIN_OPEN_MS)} to ${formatDuration(MAX_OPEN_MS)}`;
  throw new SallyportError(
    `Cannot open a door for "${printable(text)}": it is not a duration from ${limits}: write one such as 30s`,
    ExitCode.usage,
  );
}

/** Throws, with the names of all doors, when no door has this name. */
export async function requireDoor(client: ControlClient, door: string, to: string): Promise<void> {
  const names = (await client.doors()).map(({ name }) => name);
  if (names.includes(door)) return;
  const known = names.length === 0 ? "there is none" : `write one of ${names.join(", ")}`;
  throw new SallyportError(
    `Cannot ${to} "${printable(door)}": no door has this name: ${printable(known)}`,
  );
}

export function openCommand(clock: Clock = systemClock): CommandUnknownOpts {
  return new Command("open")
    .description("Open a door to an address by hand, or keep it open for longer")
    .argument("<door>", "its name in the configuration")
    .argument("<address>", "IPv4 or IPv6 address")
    .option("--for <duration>", 'how long, such as "30s" (default: the door\'s open_for)')
    .addOption(socketOption())
    .addOption(configOption())
    .option("--json", "print the grant as JSON")
    .addHelpText("after", "\nExample:\n  sallyport open ssh 203.0.113.9 --for 10m")
    .action(async (door, addressText, options) => {
      const address = readPeer(addressText, "open a door to");
      const forMs = options.for === undefined ? undefined : readFor(options.for);
      const client = connectControl(await controlSocket(options));
      await requireDoor(client, door, "open");
      const grant = await client.open(door, address, forMs);
      if (options.json === true) {
        printJson(grant);
        return;
      }
      const left = roughDuration(grant.expiresMs - clock.wallMs());
      const until = `for ${left}, until ${localTime(grant.expiresMs)}`;
      print(printable(`${grant.door} is open to ${grant.address} ${until}`));
    });
}
