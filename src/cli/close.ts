/** `sallyport close`: ends grants before their time, and sessions after it, by id, address, holder or door. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { Command } from "@commander-js/extra-typings";
import { callerConnection } from "./caller.ts";
import { configOption, controlSocket, socketOption } from "./control-socket.ts";
import { requireDoor } from "./open.ts";
import { print, printable, printError, printJson } from "./output.ts";
import { withoutZone } from "./peer.ts";
import type { ControlClient } from "../api/client.ts";
import { connectControl } from "../api/client.ts";
import type { SessionsCut, SessionsOf } from "../api/control.ts";
import type { Prefix } from "../core/address.ts";
import { formatPrefix, networksOverlap, parsePrefix } from "../core/address.ts";
import { isName } from "../config/names.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import type { Grant } from "../core/grant.ts";
import { describeCut } from "../core/session-cut.ts";
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

/**
 * The grants that `close` of an address or network ends. The grant of a /64 belongs to all its
 * addresses.
 */
export function grantsOf(grants: readonly Grant[], { network, door }: NetworkTarget): Grant[] {
  return grants.filter((grant) => {
    const opened = parsePrefix(grant.address);
    return (
      opened !== undefined &&
      networksOverlap(opened, network) &&
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

/** What a target names, and the error where that is nothing. */
interface Found {
  readonly grants: readonly Grant[];
  /** Whose sessions end whose grants are over already. */
  readonly sessions: SessionsOf;
  readonly nothing: () => Promise<SallyportError>;
}

async function findHeld(client: ControlClient, holder: Holder): Promise<Found> {
  const { user, device } = holder;
  const from = callerConnection();
  return {
    grants: grantsHeldBy(await client.grants(), holder),
    sessions: { ...holder, ...(from && { from }) },
    nothing: async () => {
      const doors = await client.doors();
      if (device === undefined && doors.some(({ name }) => name === user)) {
        return new SallyportError(
          `Cannot close ${user}: it is a door, and no user of that name holds one open: name the address as well, such as "sallyport close ${user} 203.0.113.9"`,
        );
      }
      const who = device === undefined ? user : `${user}/${device}`;
      return new SallyportError(
        `Cannot close anything: ${who} holds no door open: sallyport grants lists the holders`,
      );
    },
  };
}

async function findAt(client: ControlClient, target: NetworkTarget): Promise<Found> {
  const { network, door } = target;
  if (door !== undefined) await requireDoor(client, door, "close");
  return {
    grants: grantsOf(await client.grants(), target),
    sessions: target,
    nothing: () => {
      const subject = door === undefined ? "no door is" : `${door} is not`;
      return Promise.resolve(
        new SallyportError(
          `Cannot close anything: ${subject} open to ${formatPrefix(network)}: sallyport grants lists the open doors`,
        ),
      );
    },
  };
}

/** Ten hexadecimal digits that are no grant's id may also be the name of a user. */
async function findNamed(client: ControlClient, id: string): Promise<Found> {
  const held = await findHeld(client, { user: id });
  const nothing = () =>
    Promise.resolve(
      new SallyportError(
        `Cannot close ${id}: no grant has this id, or it has just ended: sallyport grants lists those that live`,
      ),
    );
  return { ...held, nothing };
}

async function find(client: ControlClient, target: Exclude<Target, { readonly id: string }>) {
  return "holder" in target ? await findHeld(client, target.holder) : await findAt(client, target);
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

/** Hears of each end at once, so that those are known even if a later one fails. */
interface Told {
  readonly closed: (grant: Grant) => void;
  readonly cut: (sentence: string) => void;
}

/** Ends what the target names. Throws SallyportError where that is nothing. */
async function closeAll(client: ControlClient, target: Target, told: Told): Promise<void> {
  const one = "id" in target ? await client.close(target.id) : undefined;
  if (one !== undefined) {
    told.closed(one);
    return;
  }
  const found = "id" in target ? await findNamed(client, target.id) : await find(client, target);
  for (const { id } of found.grants) {
    const closed = await client.close(id);
    // It may have run out since it was listed; then it is closed anyway.
    if (closed !== undefined) told.closed(closed);
  }
  const { cut, unsearched, spared } = (await client.cutSessions(found.sessions)) ?? NO_CUTS;
  for (const place of cut) told.cut(describeCut(place));
  if (unsearched > 0) {
    told.cut(
      `Did not look for sessions at ${unsearched} places that were opened earlier: close them by their addresses`,
    );
  }
  for (const { door, address } of spared) {
    told.cut(
      `Left sessions through ${door} from ${address} alone, since you are connected from there: sallyport close ${door} ${address} cuts them, too`,
    );
  }
  if (found.grants.length + cut.length + spared.length === 0) throw await found.nothing();
}

const NO_CUTS: SessionsCut = { cut: [], unsearched: 0, spared: [] };

export function closeCommand(): CommandUnknownOpts {
  return new Command("close")
    .description(
      "End grants before their time and cut their connections, those of grants that are over too, where nobody else holds a grant of the port",
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
      const json = options.json === true;
      await closeAll(client, target, {
        closed: (grant) => {
          closed.push(grant);
          if (!json) print(printable(`${grant.door} is closed to ${grant.address}`));
        },
        cut: (sentence) => {
          // The JSON lists grants, and this is none.
          if (json) printError(printable(sentence));
          else print(printable(sentence));
        },
      });
      if (json) printJson(closed);
      else for (const line of stillOpen(closed, await client.grants())) print(printable(line));
    });
}
