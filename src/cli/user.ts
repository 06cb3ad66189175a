/**
 * `sallyport user`: who has keys. `add` and `show` print secrets, on standard output and nowhere
 * else.
 */

import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { KeysTold } from "../api/control.ts";
import { findConfig, withConfig } from "../config/find.ts";
import type { DeviceKey } from "../keys/keys.ts";
import { loadKeys, removeKeys } from "../keys/keys.ts";
import { lastSettings } from "../config/last-settings.ts";
import { loadSettings, readConfigText } from "../config/load.ts";
import { quote } from "../config/mistake.ts";
import { admits, DEFAULT_DEVICE, isName, NAME_RULE, whoOf } from "../config/names.ts";
import type { Settings } from "../config/settings.ts";
import type { Clock } from "../core/clock.ts";
import { systemClock } from "../core/clock.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { namesInSentence } from "../core/names-in-sentence.ts";
import { addDevice } from "./add-device.ts";
import { checkKeys } from "./check-keys.ts";
import { socketOption } from "./control-socket.ts";
import { grantedTo } from "./grants.ts";
import { FIXED_FORMATS, fixedDoors, formatFixed } from "./fixed-formats.ts";
import { hostOf, linksOf, note, printLinks } from "./links.ts";
import { finishUnread, printable, printJson, printTable } from "./output.ts";
import { checkRemoval, type Who } from "./key-removal.ts";
import { tellKeys } from "./tell-keys.ts";

function checkName(what: "user" | "device", name: string): void {
  if (isName(name)) return;
  throw new SallyportError(
    `Cannot name a ${what} ${quote(name)}: it is no name: write ${NAME_RULE}`,
    ExitCode.usage,
  );
}

/**
 * Reads "alice", or "alice/phone" as every command prints it, and `--device`. A key pasted in place
 * of a name is refused here, before any message repeats it.
 */
function readWho(name: string, option: string | undefined): Who {
  const [user = "", named, extra] = name.split("/");
  checkName("user", extra === undefined ? user : name);
  for (const device of [named, option]) if (device !== undefined) checkName("device", device);
  if (named !== undefined && option !== undefined && named !== option) {
    throw new SallyportError(
      `Cannot tell which device of ${user} is meant: it is ${named} and ${option}: name one`,
      ExitCode.usage,
    );
  }
  return { user, device: named ?? option };
}

function settingsOf(named: string | undefined): Settings {
  return withConfig(named, loadSettings);
}

/**
 * The settings for a removal: those that worked last where the file is broken, since the daemon works by them and a
 * stolen key does not wait until somebody has mended it.
 */
function settingsForRemoval(named: string | undefined): Settings {
  try {
    return settingsOf(named);
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    const file = findConfig(named);
    // A file that is not there, or that is hidden from this user, may mean another server.
    readConfigText(file);
    const last = lastSettings(file);
    if (last === undefined) throw error;
    note(`${error.message}\nTook the configuration that worked last: mend this one`);
    return last;
  }
}

/** The named device, else the default one, else the only one. */
function pickDevice(keys: readonly DeviceKey[], { user, device }: Who): DeviceKey {
  const own = keys.filter((key) => key.user === user);
  const wanted = device ?? (own.length === 1 ? own[0]!.device : DEFAULT_DEVICE);
  const found = own.find((key) => key.device === wanted);
  if (found !== undefined) return found;
  const has = own.map((key) => key.device).join(", ");
  const way =
    own.length === 0
      ? `run "sallyport user add ${user}"`
      : `name one of its devices with --device: ${has}`;
  const what = own.length === 0 ? user : `${user}/${wanted}`;
  throw new SallyportError(`Cannot show ${what}: it has no key: ${way}`);
}

function addCommand(clock: Clock) {
  return new Command("add")
    .description("Make a key for a device and print its links; a running daemon takes it at once")
    .argument("<name>", "user, as config.toml names them; alice/phone for a device")
    .option("--device <name>", `device of the user (default: "${DEFAULT_DEVICE}")`)
    .option("--host <host>", "name or address by which clients reach this server")
    .option("--if-missing", "print the links of a device that has a key already, and keep the key")
    .option("--config <file>", "configuration file")
    .addOption(socketOption())
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExample:\n  sallyport user add alice --device laptop --host gate.example",
    )
    .action(async (name, options) => {
      const { user, device = DEFAULT_DEVICE } = readWho(name, options.device);
      const settings = settingsOf(options.config);
      const { stateDir } = settings.server;
      const keys = loadKeys(stateDir);
      const had = keys.find((one) => one.user === user && one.device === device);
      const kept = options.ifMissing === true ? had : undefined;
      const socket = await checkKeys(settings, options);
      const links =
        kept === undefined
          ? addDevice(settings, { user, device }, options, clock)
          : linksOf(settings, kept, options);
      finishUnread();
      note(
        kept === undefined
          ? `Added ${whoOf(user, device)}`
          : `${whoOf(user, device)} has a key already: it is kept`,
      );
      printLinks(links, options.json);
      // Also of a key that is kept: the command that made it may have reached no daemon.
      const told = await tellKeys(settings, { socket });
      if (typeof told !== "string") {
        const isOwn: IsOwn = (who) => who.user === user && who.device === device;
        for (const said of [...othersThatLost(told, isOwn), ...endsOf(told)]) note(said);
      }
      const opens = links.links.length > 0;
      note(
        typeof told === "string"
          ? `${told}: the key ${opens ? "opens its doors" : "counts"} once one runs (sallyport serve)`
          : `The running daemon took the key${opens ? opensWhen(told) : ", which opens no door yet"}`,
      );
    });
}

function opensWhen({ wait }: KeysTold): string {
  return wait === undefined ? ": it opens its doors from now on" : printable(`. ${wait}`);
}

function listCommand() {
  return new Command("list")
    .description("Print who has keys, and for which doors; no secrets")
    .option("--config <file>", "configuration file")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sallyport user list --json")
    .action((options) => {
      const settings = settingsOf(options.config);
      const rows = loadKeys(settings.server.stateDir).map(({ user, device, addedMs }) => ({
        user,
        device,
        added: addedMs === undefined ? null : new Date(addedMs).toISOString(),
        doors: settings.doors.filter(({ users }) => admits(users, user)).map(({ name }) => name),
      }));
      if (options.json) {
        printJson(rows);
        return;
      }
      if (rows.length === 0) note('Nobody has a key: run "sallyport user add NAME"');
      else {
        printTable(
          [{ title: "USER" }, { title: "DEVICE" }, { title: "DOORS" }, { title: "ADDED" }],
          rows.map(({ user, device, doors, added }) => [
            user,
            device,
            doors.join(", ") || "none",
            added?.slice(0, 10) ?? "unknown",
          ]),
        );
      }
    });
}

type IsOwn = (who: {
  readonly user?: string | undefined;
  readonly device?: string | undefined;
}) => boolean;

/** Whether something ended that was theirs. Places name nobody: they are theirs where no other key was lost. */
function endedOwn(told: KeysTold | string, isOwn: IsOwn): boolean {
  if (typeof told === "string") return false;
  return told.ended.some(isOwn) || (told.cut.length > 0 && told.lost.every(isOwn));
}

/** What ended with the keys. */
function endsOf({ ended, cut }: KeysTold): string[] {
  // Another grant may hold it open to the same address.
  const ends = ended.map((grant) =>
    printable(`${grant.door} is closed to ${grant.address} for ${grantedTo(grant)}`),
  );
  const cuts = cut.map(({ door, address }) =>
    printable(`A session through ${door} from ${address} is cut`),
  );
  return [...ends, ...cuts];
}

/** Whom the file, as the daemon found it, cut off besides: somebody changed it by hand, or put back an older one. */
function othersThatLost({ lost, file }: KeysTold, isOwn: IsOwn): string[] {
  const others = lost.filter((one) => !isOwn(one)).map(({ user, device }) => whoOf(user, device));
  if (others.length === 0) return [];
  return [
    printable(
      `${file} holds no key of ${namesInSentence(others)} any more, or another one: the running daemon took that, too`,
    ),
  ];
}

/** The effect of removing these keys on the open doors and sessions. */
function describeEnds(told: KeysTold | string, keep: boolean): string[] {
  if (typeof told === "string") {
    return [`${told}: doors that are open stay so until their time is over`];
  }
  if (keep) return ["The running daemon took it: open doors and sessions stay as they are"];
  return [...endsOf(told), "The running daemon took it: nobody gets in by it any more"];
}

function removeCommand() {
  return new Command("remove")
    .description(
      "Take away the key of one device, or of all devices of a user, and close what it opened",
    )
    .argument("<name>", "user; alice/phone for a device")
    .option("--device <name>", "only this device")
    .option("--yes", "even where nobody can open a door afterwards")
    .option("--keep-sessions", "leave open what the key opened, until its time is over")
    .option("--config <file>", "configuration file")
    .addOption(socketOption())
    .addHelpText("after", "\nExample:\n  sallyport user remove alice --device laptop")
    .action(async (name, options) => {
      const { user, device } = readWho(name, options.device);
      const settings = settingsForRemoval(options.config);
      const { stateDir } = settings.server;
      const whose = { user, ...(device !== undefined && { device }) };
      if (options.yes !== true) {
        await checkRemoval(settings, { user, device }, options.keepSessions === true);
      }
      const socket = await checkKeys(settings, { socket: options.socket, removed: whose });
      const removed = removeKeys(stateDir, user, device);
      for (const one of removed) note(`Removed ${whoOf(user, one.device)}`);
      const told = await tellKeys(settings, {
        socket,
        keepSessions: options.keepSessions,
        removed: whose,
      });
      const isOwn: IsOwn = (who) => who.user === user && (device ?? who.device) === who.device;
      if (typeof told !== "string") for (const said of othersThatLost(told, isOwn)) note(said);
      if (removed.length === 0) {
        const named = device === undefined ? user : `${user}/${device}`;
        // Somebody who repeats a removal that did not reach the daemon wants an end of it.
        if (!endedOwn(told, isOwn)) {
          if (typeof told !== "string") for (const said of endsOf(told)) note(said);
          throw new SallyportError(
            `Cannot remove ${quote(named)}: it has no key: see "sallyport user list"`,
          );
        }
        note(`${named} has no key any more`);
      }
      for (const said of describeEnds(told, options.keepSessions === true)) note(said);
    });
}

function showCommand() {
  return new Command("show")
    .description(
      "Print the links of a device, on a terminal with their QR codes; or fixed sequences for other clients",
    )
    .argument("[name]", "user; alice/phone for a device")
    .option("--device <name>", "device of the user (default: the only one)")
    .option("--door <door>", "only this door")
    .option("--host <host>", "name or address by which clients reach this server")
    .option("--config <file>", "configuration file")
    .option("--json", "print JSON")
    .addOption(
      new Option("--format <client>", "the fixed sequences, as this client imports them").choices(
        FIXED_FORMATS,
      ),
    )
    .addHelpText(
      "after",
      "\nExamples:\n  sallyport user show alice --door ssh --host gate.example" +
        "\n  sallyport user show --format knockonports --host gate.example > sallyport.json",
    )
    .action((name, options) => {
      const settings = settingsOf(options.config);
      if (options.format !== undefined) {
        const doors = fixedDoors(settings.doors, options.door);
        const user = name === undefined ? "root" : readWho(name, options.device).user;
        const host = hostOf(options.host, settings).replaceAll(/[[\]]/g, "");
        process.stdout.write(formatFixed(options.format, doors, { host, user }));
        return;
      }
      if (name === undefined) {
        throw new SallyportError(
          'Cannot show a link: nobody is named: see "sallyport user list", or print fixed sequences with --format',
          ExitCode.usage,
        );
      }
      const who = readWho(name, options.device);
      const device = pickDevice(loadKeys(settings.server.stateDir), who);
      printLinks(linksOf(settings, device, options), options.json);
    });
}

export function userCommand(clock: Clock = systemClock): CommandUnknownOpts {
  return new Command("user")
    .description("Make, list, show and take away the keys of users and their devices")
    .addCommand(addCommand(clock))
    .addCommand(listCommand())
    .addCommand(removeCommand())
    .addCommand(showCommand())
    .addHelpText("after", "\nExample:\n  sallyport user add alice --host gate.example");
}
