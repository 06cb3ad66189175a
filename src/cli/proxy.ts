/** `sallyport proxy`: the connection that ssh and its like ask for, with a knock in front where one is needed. */

import { Command, Option } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { KnockOutcome } from "../client/attempts.ts";
import { dial } from "../client/dial.ts";
import type { Destination } from "../client/dial.ts";
import { profilesFolder } from "../client/folders.ts";
import { systemKnockDeps } from "../client/knock-deps.ts";
import { describeOutcome, failedDoor, warnOfDelay } from "../client/messages.ts";
import { readProfile } from "../client/profile-files.ts";
import { firstTcpPort, looksLikeLink, STDIN } from "../client/profile-source.ts";
import type { Profile } from "../client/profile-source.ts";
import { systemClock } from "../core/clock.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { formatPortRange } from "../core/port.ts";
import {
  checkHost,
  delayOption,
  dialOptions,
  type KnockSettings,
  ipv4Option,
  ipv6Option,
  note,
  portNumber,
  reporter,
  timeoutOption,
  triesOption,
  verboseOption,
} from "./knock-options.ts";

const EXAMPLES = `
Examples:
  sallyport ssh-config home            the lines for ~/.ssh/config
  ssh -o 'ProxyCommand=sallyport proxy home %h %p' gate.example
                                       once, without them
  sallyport proxy home                 talk to the profile's host, at the first port its door opens`;

interface Settings extends KnockSettings {
  readonly fdpass?: true | undefined;
  readonly pipe?: true | undefined;
}

/** In the place of a host, too, which would be looked up, and quoted. */
function refuseLinks(words: readonly string[]): void {
  const link = words.find((word) => word === STDIN || looksLikeLink(word));
  if (link === undefined) return;
  const why =
    link === STDIN
      ? "standard input belongs to the connection"
      : "other users could see a link on the command line";
  throw new SallyportError(
    `Cannot take a link here: ${why}: save it with "sallyport knock --save NAME", and write that name`,
    ExitCode.usage,
  );
}

function destination(
  profile: Profile,
  host: string | undefined,
  port: number | undefined,
): Destination {
  const known = port ?? firstTcpPort(profile);
  if (known !== undefined) return { host: host ?? profile.host, port: known };
  throw new SallyportError(
    `Cannot connect to ${profile.door} on ${profile.host}: its link names no TCP port: write one after the host`,
    ExitCode.usage,
  );
}

/** A closed port that the door does not open stays closed: mostly a forgotten "Port" in ~/.ssh/config. */
function noteOtherPort({ door, opens }: Profile, port: number): void {
  const tcp = opens.filter(({ proto }) => proto === "tcp");
  if (tcp.length === 0 || tcp.some(({ from, to }) => from <= port && port <= to)) return;
  note(
    `the door ${door} opens ${tcp.map(formatPortRange).join(", ")}, and ${port}/tcp is asked for`,
  );
}

async function connect(
  profile: Profile,
  to: Destination,
  settings: Settings,
): Promise<NonNullable<KnockOutcome["socket"]>> {
  const { verbose = false } = settings;
  const options = dialOptions(settings);
  const slow = warnOfDelay(profile, options.gapMs);
  if (slow !== undefined) note(slow);
  const outcome = await dial(profile, to, options, systemKnockDeps(reporter(verbose)));
  if (outcome.socket === undefined) {
    noteOtherPort(profile, to.port);
    throw failedDoor(profile, outcome, systemClock.wallMs());
  }
  if (verbose) note(describeOutcome(`${profile.door} on ${to.host}`, outcome));
  return outcome.socket;
}

export function proxyCommand(): CommandUnknownOpts {
  return new Command("proxy")
    .description("Connect standard input and output to a port, after a knock where it is closed")
    .argument("<profile>", "saved profile")
    .argument("[host]", "where to connect to; %h in ssh_config (default: the profile's host)")
    .argument(
      "[port]",
      "TCP port there; %p in ssh_config (default: the first the door opens)",
      portNumber,
    )
    .addOption(ipv4Option())
    .addOption(ipv6Option())
    .addOption(delayOption())
    .addOption(triesOption())
    .addOption(timeoutOption())
    .addOption(new Option("--fdpass", "pass the connected socket, whoever asks").conflicts("pipe"))
    .option("--pipe", "never pass it: default is what ssh's ProxyUseFdpass wants")
    .addOption(verboseOption())
    .addHelpText("after", EXAMPLES)
    .action(async (name, host, port, options) => {
      refuseLinks(host === undefined ? [name] : [name, host]);
      if (host !== undefined) checkHost(host);
      const profile = readProfile(profilesFolder(), name);
      const to = destination(profile, host, port);
      const { handOver, wantedHandOver } = await import("../proxy/hand-over.ts");
      const how = options.fdpass ? "pass" : options.pipe ? "pipe" : wantedHandOver();
      await handOver(await connect(profile, to, options), how);
    });
}
