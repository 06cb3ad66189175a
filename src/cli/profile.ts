/** `sallyport profile`: the links that this device has. `show` prints the key only where asked for. */

import { Command, Option } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { join } from "node:path";
import { profilesFolder } from "../client/folders.ts";
import {
  checkProfileName,
  isProfileName,
  listProfiles,
  readProfile,
  removeProfile,
} from "../client/profile-files.ts";
import { savedAs, suggestName } from "../client/profile-name.ts";
import { formatProfileLink, looksLikeLink, openProfile, STDIN } from "../client/profile-source.ts";
import type { Profile } from "../client/profile-source.ts";
import { ExitCode, messageOf, SallyportError } from "../core/errors.ts";
import { formatPortRange } from "../core/port.ts";
import { note } from "./knock-options.ts";
import { onTerminal, print, printable, printJson, printTable } from "./output.ts";
import { drawQr } from "./qr.ts";
import { saveAs } from "./save-profile.ts";

/** What is known of a profile without its key. */
function facts(name: string, profile: Profile) {
  const { door, host, user, opens, proto, lo, hi, stepSeconds } = profile;
  const ports = opens.map(formatPortRange);
  return { name, door, host, user, opens: ports, proto, lo, hi, stepSeconds };
}

/** Of a link that stands where others read it. */
function noteSeen(): void {
  note(
    "a link on the command line can be seen by other users and stays in the shell's history: leave it out, and paste it when asked",
  );
}

/** "profile add home": the name was meant, and nothing is known of the link yet. */
function refuseName(word: string): never {
  const name = isProfileName(word) ? word : "NAME";
  throw new SallyportError(
    `Cannot add the profile: its argument is no link: run "sallyport profile add --name ${name}", and paste the link when asked`,
    ExitCode.usage,
  );
}

function addCommand() {
  return new Command("add")
    .description("Save a link, pasted or piped in, so that it can be called by a name")
    .argument("[link]", '"-", or nothing: the link on standard input')
    .option("--name <name>", "what to call it (default: after its host)")
    .option("--force", "replace a profile of that name")
    .addHelpText(
      "after",
      "\nExamples:" +
        "\n  sallyport profile add                  paste the link; it is not shown" +
        "\n  sallyport profile add --name home      and call it home" +
        "\n  pass show gate | sallyport profile add -",
    )
    .action(async (link = STDIN, { name, force = false }) => {
      const folder = profilesFolder();
      if (link !== STDIN && !looksLikeLink(link)) refuseName(link);
      if (link !== STDIN) noteSeen();
      // Before it is asked for: whoever pastes a link should not have to paste it twice.
      if (name !== undefined) checkProfileName(name, "save the profile");
      const profile = await openProfile(link, folder);
      const known = name === undefined ? savedAs(folder, profile) : undefined;
      if (known === undefined) saveAs(name ?? suggestName(folder, profile), profile, force);
      else print(printable(`Saved already: ${profile.door} on ${profile.host} is ${known}`));
    });
}

function listCommand() {
  return new Command("list")
    .description("Print the profiles saved on this device; no keys")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sallyport profile list --json")
    .action(({ json }) => {
      const folder = profilesFolder();
      const rows = listProfiles(folder).flatMap((name) => {
        try {
          return [facts(name, readProfile(folder, name))];
        } catch (error) {
          note(messageOf(error));
          return [];
        }
      });
      if (json) printJson(rows);
      else if (rows.length > 0) {
        printTable(
          [
            { title: "NAME" },
            { title: "DOOR" },
            { title: "HOST" },
            { title: "OPENS" },
            { title: "AS" },
          ],
          rows.map(({ name, door, host, opens, user }) => [
            name,
            door,
            host,
            opens.join(", ") || "not said",
            user,
          ]),
        );
      } else if (listProfiles(folder).length === 0) {
        note('no profile is saved: run "sallyport profile add", and paste a link');
      }
    });
}

/** A second device would use up the slots of the first. */
const ONE_DEVICE =
  "this is the key of one device: move it, do not copy it; two devices with one key use up each other's knocks";

function printQr(link: string): void {
  // A picture of blocks is nothing to a program: it gets what the picture says.
  if (!onTerminal()) return print(link);
  const { columns } = process.stdout;
  const code = drawQr(link, columns);
  if (code !== undefined) return print(code);
  throw new SallyportError(
    `Cannot show the QR code: it is wider than the ${columns} columns of this terminal: widen it, or use --link`,
  );
}

function showCommand() {
  return new Command("show")
    .description("Print what a profile says; its key only with --qr or --link")
    .argument("<name>", "saved profile")
    .option("--qr", "the link as a QR code, for the camera of the device it moves to")
    .option("--link", "the link, which is a password")
    .addOption(new Option("--json", "print JSON, without the key").conflicts(["qr", "link"]))
    .addHelpText(
      "after",
      "\nExamples:\n  sallyport profile show home\n  sallyport profile show home --qr",
    )
    .action((name, { qr, link, json }) => {
      const folder = profilesFolder();
      const profile = readProfile(folder, name);
      if (qr || link) {
        if (qr) printQr(formatProfileLink(profile));
        if (link) print(formatProfileLink(profile));
        note(ONE_DEVICE);
        return;
      }
      const said = facts(name, profile);
      if (json) return printJson(said);
      print(
        [
          `door    ${said.door} on ${said.host}`,
          `opens   ${said.opens.join(", ") || "not said: UDP, or one connection for each knock"}`,
          `as      ${said.user}`,
          `knocks  ${profile.ports} ${said.proto} ports of ${said.lo}-${said.hi}, others every ${said.stepSeconds} s`,
          `file    ${join(folder, name)}`,
        ]
          .map(printable)
          .join("\n"),
      );
    });
}

function removeCommand() {
  return new Command("remove")
    .description("Delete a profile, and with it this device's key for that door")
    .argument("<name>", "saved profile")
    .addHelpText("after", "\nExample:\n  sallyport profile remove home")
    .action((name) => {
      const path = removeProfile(profilesFolder(), name);
      print(`Removed ${path}`);
      note(
        'the server believes its key as before: if somebody else may have it, run "sallyport user remove" there',
      );
    });
}

export function profileCommand(): CommandUnknownOpts {
  const group = new Command("profile")
    .description("The links saved on this device: add, list, show, remove")
    .addHelpText("after", "\nExample:\n  sallyport profile list");
  for (const command of [addCommand(), listCommand(), showCommand(), removeCommand()]) {
    group.addCommand(command);
  }
  return group;
}
