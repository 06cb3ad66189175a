/** Links of a device as `user add` and `user show` print them: secrets, on standard output and nowhere else. */

import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import type { DeviceKey } from "../keys/keys.ts";
import { quote } from "../config/mistake.ts";
import { admits } from "../config/names.ts";
import { bareHost, type DoorLink, doorLinks, guessHost } from "../keys/profile.ts";
import type { Settings } from "../config/settings.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { onTerminal, print, printError, printJson } from "./output.ts";
import { drawQr } from "./qr.ts";

export interface LinkOptions {
  /** Undefined: `server.host`, else a guess. */
  readonly host?: string | undefined;
  /** Undefined: every door of the user. */
  readonly door?: string | undefined;
  readonly json?: true | undefined;
}

export interface Links {
  readonly device: DeviceKey;
  /** The host that the links name. */
  readonly host: string;
  readonly links: readonly DoorLink[];
}

/** Advice goes to standard error: standard output may be a pipe that expects only links. */
export function note(text: string): void {
  printError(text);
}

/** The host that clients are told, bare; a guess is noted. */
export function hostOf(given: string | undefined, settings: Settings): string {
  const known = given ?? settings.server.host;
  if (known !== undefined) return bareHost(known);
  const host = guessHost(hostname(), networkInterfaces());
  note(
    `Note: the link names ${host}, a guess: give the host that clients reach with --host, or write server.host in config.toml`,
  );
  return host;
}

/**
 * The links of a device to all its doors, or to one. Throws (exit 64) for a door that the user is
 * not on.
 */
export function linksOf(settings: Settings, device: DeviceKey, options: LinkOptions): Links {
  const doors = settings.doors.filter(({ users }) => admits(users, device.user));
  if (doors.length === 0) return { device, host: "", links: [] };
  if (options.door !== undefined && !doors.some(({ name }) => name === options.door)) {
    throw new SallyportError(
      `Cannot show a link of ${device.user} to ${quote(options.door)}: no such door names them: write one of ${doors.map(({ name }) => name).join(", ")}`,
      ExitCode.usage,
    );
  }
  const host = hostOf(options.host, settings);
  const links = doorLinks(settings, device, host).filter(
    ({ door }) => options.door === undefined || door === options.door,
  );
  return { device, host, links };
}

/** Longest name of a saved profile. */
const MOST_NAME = 32;

/**
 * The profile names proposed to a device: the server's name, since most servers have a door "ssh";
 * with the door's name behind it where the device gets several.
 */
function saveNames(host: string, links: readonly DoorLink[]): string[] {
  const server = (isIP(host.replaceAll(/[[\]]/g, "")) === 0 ? host : hostname()).split(".")[0]!;
  const plain = server.toLowerCase().replaceAll(/[^a-z0-9-]|^-+/g, "");
  return links.map(({ door }) =>
    (plain === "" ? door : links.length === 1 ? plain : `${plain}-${door}`).slice(0, MOST_NAME),
  );
}

function noDoorNote(user: string): string {
  return `Note: no door names ${user}: write users = ["${user}"] into a door of the configuration, then run "sallyport user show ${user}"`;
}

/** The link comes last: it must still be on the screen when the code has scrolled by. */
function printPlain({ door, link }: DoorLink): void {
  if (!onTerminal()) {
    print(link);
    return;
  }
  const { columns } = process.stdout;
  const code = drawQr(link, columns);
  print(`Door ${door}:\n${code === undefined ? "" : `${code}\n`}${link}\n`);
  if (code === undefined) {
    note(
      `Note: the QR code is wider than the ${columns} columns of this terminal: widen it to see it`,
    );
  }
}

/** Prints the links, and advice about them on standard error. */
export function printLinks({ device, host, links }: Links, json = false): void {
  const { user, device: name } = device;
  if (json) printJson(links.map(({ door, link }) => ({ user, device: name, door, host, link })));
  else for (const link of links) printPlain(link);
  if (links.length === 0) {
    note(noDoorNote(user));
    return;
  }
  const each = links.length === 1 ? "The link" : "Each link";
  const commands = saveNames(host, links).map((save) => `sallyport knock --save ${save}`);
  note(
    `${each} is a password for one device: hand it over where nobody else reads. ` +
      `On the device: ${commands.join(", ")}, and paste it`,
  );
}
