/** `sallyport user`: who has keys. `add` and `show` print secrets, on standard output and nowhere else. */

import { hostname, networkInterfaces } from "node:os";
import { Command } from "@commander-js/extra-typings";
import { renderUnicodeCompact } from "uqr";
import { checkBound } from "../config/bound.ts";
import { findConfig } from "../config/find.ts";
import type { DeviceKey } from "../config/keys.ts";
import { addKey, loadKeys, makeKey, removeKeys } from "../config/keys.ts";
import { loadSettings } from "../config/load.ts";
import { quote } from "../config/mistake.ts";
import { admits, DEFAULT_DEVICE, isName, NAME_RULE, whoOf } from "../config/names.ts";
import type { DoorLink } from "../config/profile.ts";
import { doorLinks, guessHost } from "../config/profile.ts";
import { serverName } from "../config/server-name.ts";
import type { Settings } from "../config/settings.ts";
import type { Clock } from "../core/clock.ts";
import { systemClock } from "../core/clock.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { onTerminal, print, printJson, printTable } from "./output.ts";

const TAKE_UP = 'Run "sallyport reload", so that a running server reads the keys again';

/** Advice goes to standard error: standard output may be a pipe that expects links alone. */
function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

function checkName(what: "user" | "device", name: string): void {
  if (isName(name)) return;
  throw new SallyportError(
    `Cannot name a ${what} ${quote(name)}: it is no name: write ${NAME_RULE}`,
    ExitCode.usage,
  );
}

/** A key pasted for a name is refused here, before any message repeats it. */
function checkNames(user: string, device?: string): void {
  checkName("user", user);
  if (device !== undefined) checkName("device", device);
}

function hostOf(given: string | undefined): string {
  if (given !== undefined) return given;
  const host = guessHost(hostname(), networkInterfaces());
  note(`Note: the link names ${host}, a guess: give the host that clients reach with --host`);
  return host;
}

function printLinks(links: readonly DoorLink[]): void {
  for (const { door, link } of links) {
    if (!onTerminal()) {
      print(link);
      continue;
    }
    print(`Door ${door}:\n${link}\n${renderUnicodeCompact(link, { border: 2 })}`);
  }
  note(
    "Each link is a password for one device: hand it over where nobody else reads. " +
      `On the device: sallyport knock --save ${links[0]?.door ?? "NAME"}, and paste it`,
  );
}

function noDoorNote(user: string): string {
  return `Note: no door names ${user}: write users = ["${user}"] into a door of the configuration, then run "sallyport user show ${user}"`;
}

/** The device that is meant: the one named, the default one, or the only one. */
function pickDevice(keys: readonly DeviceKey[], user: string, device?: string): DeviceKey {
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

function linksOf(
  settings: Settings,
  device: DeviceKey,
  options: { readonly host?: string | undefined; readonly door?: string | undefined },
): DoorLink[] {
  const doors = settings.doors.filter(({ users }) => admits(users, device.user));
  if (doors.length === 0) return [];
  if (options.door !== undefined && !doors.some(({ name }) => name === options.door)) {
    throw new SallyportError(
      `Cannot show a link of ${device.user} to ${quote(options.door)}: no such door names them: write one of ${doors.map(({ name }) => name).join(", ")}`,
      ExitCode.usage,
    );
  }
  const links = doorLinks(settings, device, hostOf(options.host));
  return links.filter(({ door }) => options.door === undefined || door === options.door);
}

function addCommand(clock: Clock) {
  return new Command("add")
    .description("Make a key for a device and print its links")
    .argument("<name>", "user, as config.toml names them")
    .option("--device <name>", "device of the user", DEFAULT_DEVICE)
    .option("--host <host>", "name or address by which clients reach this server")
    .option("--config <file>", "configuration file")
    .addHelpText(
      "after",
      "\nExample:\n  sallyport user add alice --device laptop --host gate.example",
    )
    .action((user, options) => {
      checkNames(user, options.device);
      const settings = loadSettings(findConfig(options.config));
      const { stateDir } = settings.server;
      const added: DeviceKey = {
        user,
        device: options.device,
        key: makeKey(serverName(settings)),
        addedMs: clock.wallMs(),
      };
      // Before the key is kept: what is refused must not leave half of the work behind, and one device
      // too many must not keep the server from its next start.
      const links = linksOf(settings, added, { host: options.host });
      checkBound(settings, [...loadKeys(stateDir), added]);
      addKey(stateDir, added);
      note(`Added ${whoOf(user, options.device)}`);
      if (links.length === 0) note(noDoorNote(user));
      else printLinks(links);
      note(TAKE_UP);
    });
}

function listCommand() {
  return new Command("list")
    .description("Print who has keys, and for which doors; no secrets")
    .option("--config <file>", "configuration file")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sallyport user list --json")
    .action((options) => {
      const settings = loadSettings(findConfig(options.config));
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

function removeCommand() {
  return new Command("remove")
    .description("Take away the key of one device, or of all devices of a user")
    .argument("<name>", "user")
    .option("--device <name>", "only this device")
    .option("--config <file>", "configuration file")
    .addHelpText("after", "\nExample:\n  sallyport user remove alice --device laptop")
    .action((user, options) => {
      checkNames(user, options.device);
      const settings = loadSettings(findConfig(options.config));
      const removed = removeKeys(settings.server.stateDir, user, options.device);
      if (removed.length === 0) {
        const who = options.device === undefined ? user : `${user}/${options.device}`;
        throw new SallyportError(
          `Cannot remove ${quote(who)}: it has no key: see "sallyport user list"`,
        );
      }
      for (const { device } of removed) note(`Removed ${whoOf(user, device)}`);
      note(`${TAKE_UP}; doors that are open stay so until their time is over`);
    });
}

function showCommand() {
  return new Command("show")
    .description("Print the links of a device, on a terminal with their QR codes")
    .argument("<name>", "user")
    .option("--device <name>", "device of the user (default: the only one)")
    .option("--door <door>", "only this door")
    .option("--host <host>", "name or address by which clients reach this server")
    .option("--config <file>", "configuration file")
    .addHelpText("after", "\nExample:\n  sallyport user show alice --door ssh --host gate.example")
    .action((user, options) => {
      checkNames(user, options.device);
      const settings = loadSettings(findConfig(options.config));
      const device = pickDevice(loadKeys(settings.server.stateDir), user, options.device);
      const links = linksOf(settings, device, options);
      if (links.length === 0) note(noDoorNote(user));
      else printLinks(links);
    });
}

export function userCommand(clock: Clock = systemClock) {
  return new Command("user")
    .description("Make, list, show and take away the keys of users and their devices")
    .addCommand(addCommand(clock))
    .addCommand(listCommand())
    .addCommand(removeCommand())
    .addCommand(showCommand())
    .addHelpText("after", "\nExample:\n  sallyport user add alice --host gate.example");
}
