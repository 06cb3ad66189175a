/** `sallyport close`: ends grants before their time, by id, address, holder or door. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { Command } from "@commander-js/extra-typings";
import { configOption, controlSocket, socketOption } from "./control-socket.ts";
import { requireDoor } from "./open.ts";
import { print, printable, printJson } from "./output.ts";
import { withoutZone } from "./peer.ts";
import type { ControlClient } from "../api/client.ts";
import { connectControl } from "../api/client.ts";
import type { Prefix } from "../core/address.ts";
import { formatPrefix, maskAddress, parsePrefix, sameAddress } from "../core/address.ts";
import { isName } from "../config/names.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import type { Grant } from "../core/grant.ts";
import { formatPortRange, rangesOverlap } from "../core/port.ts";
import { grantedTo } from "./grants.ts";

/** The form that `grantId` makes. */
const ID = /^[0-9a-f]{10}$/;

/** The holder of the grants; without a device, all devices of the user. */
export interface Holder {
  readonly user: string;
  readonly device?: string;
}

/**
 * The grants that the command line names: one, those of an address (and of one door), or those of a
 * user or device.
 */
export type Target =
  | { readonly id: string }
  | { readonly network: Prefix; readonly door?: string }
  | { readonly holder: Holder };

type NetworkTarget = Extract<Target, { readonly network: Prefix }>;

function readHolder(text: string): Holder | undefined {
  const [user = "", device, extra] = text.split("/");
  if (!isName(user) || extra !== undefined) return undefined;
  if (device === undefined) return { user };
  return isName(device) ? { user, device } : undefined;
}

/** Reads the arguments of `close`. Throws SallyportError (usage) when they name no grants. */
export function readTarget(first: string, second: string | undefined): Target {
  const address = second ?? first;
  const network = parsePrefix(address);
  if (network !== undefined) return { network, ...(second !== undefined && { door: first }) };
  if (second === undefined && ID.test(first)) return { id: first };
  const holder = second === undefined ? readHolder(first) : undefined;
  if (holder !== undefined) return { holder };
  const zoned = withoutZone(address);
  if (zoned !== undefined) {
    throw new SallyportError(`Cannot close "${printable(address)}": ${zoned}`, ExitCode.usage);
  }
  const [state, remedy] =
    second === undefined
      ? [
          "it is neither a grant's id, nor an address, nor a user",
          "write an id as sallyport grants shows it, an address, a user or a device such as alice/phone, or a door and an address",
        ]
      : ["it is not an address", "write one such as 203.0.113.9"];
  throw new SallyportError(
    `Cannot close "${printable(address)}": ${state}: ${remedy}`,
    ExitCode.usage,
  );
}

/** Whether one of two networks holds the other; an address is a network of one. */
function overlap(a: Prefix, b: Prefix): boolean {
  const bits = Math.min(a.bits, b.bits);
  return sameAddress(maskAddress(a.address, bits), maskAddress(b.address, bits));
}

/**
 * The grants that `close` of an address or network ends. The grant of a /64 belongs to all its
 * addresses.
 */
export function grantsOf(grants: readonly Grant[], { network, door }: NetworkTarget): Grant[] {
  return grants.filter((grant) => {
    const opened = parsePrefix(grant.address);
    return (
      opened !== undefined &&
      overlap(opened, network) &&
      (door === undefined || grant.door === door)
    );
  });
}

/** The grants that a user, or one of the user's devices, opened by knocking. */
export function grantsHeldBy(grants: readonly Grant[], { user, device }: Holder): Grant[] {
  return grants.filter(
    (grant) => grant.user === user && (device === undefined || grant.device === device),
  );
}

async function findHeld(client: ControlClient, holder: Holder): Promise<Grant[]> {
  const found = grantsHeldBy(await client.grants(), holder);
  if (found.length > 0) return found;
  const { user, device } = holder;
  const doors = await client.doors();
  if (device === undefined && doors.some(({ name }) => name === user)) {
    throw new SallyportError(
      `Cannot close ${user}: it is a door, and no user of that name holds one open: name the address as well, such as "sallyport close ${user} 203.0.113.9"`,
    );
  }
  const who = device === undefined ? user : `${user}/${device}`;
  throw new SallyportError(
    `Cannot close anything: ${who} holds no door open: sallyport grants lists the holders`,
  );
}

async function findAt(client: ControlClient, target: NetworkTarget): Promise<Grant[]> {
  const { network, door } = target;
  if (door !== undefined) await requireDoor(client, door, "close");
  const found = grantsOf(await client.grants(), target);
  if (found.length > 0) return found;
  const subject = door === undefined ? "no door is" : `${door} is not`;
  throw new SallyportError(
    `Cannot close anything: ${subject} open to ${formatPrefix(network)}: sallyport grants lists the open doors`,
  );
}

/** Grants of others that keep the ports open that were closed to an address, one line each. */
export function stillOpen(closed: readonly Grant[], living: readonly Grant[]): string[] {
  const lines = closed.flatMap(({ address, ports }) => {
    const network = parsePrefix(address);
    if (network === undefined) return [];
    return grantsOf(living, { network }).flatMap((grant) => {
      const both = grant.ports.filter((range) => ports.some((one) => rangesOverlap(one, range)));
      if (both.length === 0) return [];
      const named = both.map(formatPortRange).join(", ");
      return [
        `${named} ${both.length === 1 ? "stays" : "stay"} open to ${grant.address} by another grant: ${grant.door}, ${grantedTo(grant)} (sallyport close ${grant.id})`,
      ];
    });
  });
  return [...new Set(lines)];
}

/** Ends the grants one by one, so that the ended ones are known even if a later one fails. */
async function* closeEach(client: ControlClient, target: Target): AsyncGenerator<Grant> {
  if ("id" in target) {
    const closed = await client.close(target.id);
    if (closed === undefined) {
      // Ten hexadecimal digits may also be the name of a user.
      const held = grantsHeldBy(await client.grants(), { user: target.id });
      for (const { id } of held) {
        const ended = await client.close(id);
        if (ended !== undefined) yield ended;
      }
      if (held.length > 0) return;
      throw new SallyportError(
        `Cannot close ${target.id}: no grant has this id, or it has just ended: sallyport grants lists those that live`,
      );
    }
    yield closed;
    return;
  }
  const found =
    "holder" in target ? await findHeld(client, target.holder) : await findAt(client, target);
  for (const { id } of found) {
    const closed = await client.close(id);
    // It may have run out since it was listed; then it is closed anyway.
    if (closed !== undefined) yield closed;
  }
}

export function closeCommand(): CommandUnknownOpts {
  return new Command("close")
    .description(
      "End grants before their time and cut their connections, where nobody else holds a grant of the port",
    )
    .argument(
      "<id|user|door|address>",
      "a grant's id, an address (all its grants), a user or device (alice/phone), or a door and then:",
    )
    .argument("[address]", "the address that this door is closed to; a network closes all in it")
    .addOption(socketOption())
    .addOption(configOption())
    .option("--json", "print the ended grants as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  sallyport close ssh 203.0.113.9\n  sallyport close 203.0.113.9\n  sallyport close alice/phone\n  sallyport close 1f0c8a52d7",
    )
    .action(async (first, second, options) => {
      const target = readTarget(first, second);
      const closed: Grant[] = [];
      const client = connectControl(await controlSocket(options));
      for await (const grant of closeEach(client, target)) {
        closed.push(grant);
        const { door, address } = grant;
        if (options.json !== true) print(printable(`${door} is closed to ${address}`));
      }
      if (options.json === true) printJson(closed);
      else for (const line of stillOpen(closed, await client.grants())) print(printable(line));
    });
}
