/** `sallyport ssh-config`: the lines of ~/.ssh/config that let ssh knock by itself. */

import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { profilesFolder } from "../client/folders.ts";
import { readProfile } from "../client/profile-files.ts";
import { firstTcpPort } from "../client/profile-source.ts";
import { sshConfig } from "../client/ssh-config.ts";
import { selfCommand } from "../core/self.ts";
import { note } from "./knock-options.ts";
import { onTerminal, print } from "./output.ts";

const EXAMPLES = `
Examples:
  sallyport ssh-config home            look at them
  sallyport ssh-config home >> ~/.ssh/config
                                       and from then on: ssh home`;

export function sshConfigCommand(): CommandUnknownOpts {
  return new Command("ssh-config")
    .description("Print the lines for ~/.ssh/config that make ssh knock where it has to")
    .argument("<profile>", "saved profile; also the name to call ssh with")
    .addHelpText("after", EXAMPLES)
    .action((name) => {
      const profile = readProfile(profilesFolder(), name);
      const lines = sshConfig({ name, profile, self: selfCommand(), platform: process.platform });
      // A file whose last line has no end would have it continued, and ssh then reaches no host at all.
      print(onTerminal() ? lines : `\n${lines}`);
      if (firstTcpPort(profile) !== undefined) return;
      note(
        `the link of ${profile.door} names no TCP port: where ssh does not listen on 22, add a line "  Port" with its number`,
      );
    });
}
