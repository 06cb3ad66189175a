/**
 * `sallyport knock`: knocks at a door and waits until the port answers; also saves the profile for
 * that.
 */

import { Command, Option } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { KnockOutcome } from "../client/attempts.ts";
import { knockFixed } from "../client/fixed-knock.ts";
import { profilesFolder, slotsFolder } from "../client/folders.ts";
import { systemAttemptDeps, systemKnockDeps } from "../client/knock-deps.ts";
import { knock, KNOCK_DEFAULTS } from "../client/knock.ts";
import { describeOutcome, failedDoor, failedHost, warnOfDelay } from "../client/messages.ts";
import { checkProfileName, isSaved, listProfiles } from "../client/profile-files.ts";
import { firstTcpPort, looksLikeLink, openProfile, STDIN } from "../client/profile-source.ts";
import { slotFiles } from "../client/slot-files.ts";
import { systemClock } from "../core/clock.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { parsePort } from "../core/port.ts";
import type { Port } from "../core/port.ts";
import {
  checkHost,
  delayOption,
  familyOf,
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
import { print, printable, printJson } from "./output.ts";
import { saveAs } from "./save-profile.ts";

const EXAMPLES = `
Examples:
  sallyport knock --save home          store a link (asked for, not shown) as "home"
  sallyport knock home                 knock, wait until the door answers, knock again if it does not
  sallyport knock home && ssh gate     connect once it is open
  pass show gate | sallyport knock -   the link from a password manager
  sallyport knock gate.example 7000 8000:udp 9000 --wait 22
                                       a fixed sequence, as knockd's client sends it`;

interface Settings extends KnockSettings {
  readonly udp?: true | undefined;
  readonly wait?: number | boolean | undefined;
  readonly json?: true | undefined;
}

function usage(message: string): SallyportError {
  return new SallyportError(message, ExitCode.usage);
}

function printOutcome(
  what: string,
  facts: object,
  outcome: KnockOutcome,
  settings: Settings,
): void {
  const { state, target, port, before, attempts } = outcome;
  // A reader of the JSON who is gone ends this before the error is told.
  if (hasFailed(outcome)) process.exitCode = ExitCode.failure;
  if (settings.json) {
    printJson({
      ...facts,
      state,
      address: target.address,
      port,
      before,
      attempts,
      sinceKnockMs: Math.ceil(outcome.sinceKnockMs),
      elapsedMs: Math.ceil(outcome.elapsedMs),
    });
  } else if (!hasFailed(outcome)) {
    print(printable(describeOutcome(what, outcome)));
  }
}

function hasFailed({ state }: KnockOutcome): boolean {
  return state === "silent" || state === "refused";
}

async function knockProfile(argument: string, settings: Settings): Promise<void> {
  if (settings.udp) {
    throw usage("Cannot use --udp with a profile: the profile says which protocol its door hears");
  }
  if (looksLikeLink(argument)) {
    note(
      'a link on the command line can be seen by other users and stays in the shell\'s history: store it with "sallyport knock --save NAME"',
    );
  }
  const profile = await openProfile(argument, profilesFolder());
  const { door, host } = profile;
  const gapMs = settings.delay ?? KNOCK_DEFAULTS.gapMs;
  const slow = warnOfDelay(profile, gapMs);
  if (slow !== undefined) note(slow);
  if (settings.wait === undefined && firstTcpPort(profile) === undefined) {
    note(`the link of ${door} names no TCP port to wait for: sending one knock`);
  }
  const outcome = await knock(
    profile,
    {
      tries: settings.tries,
      timeoutMs: settings.timeout,
      gapMs,
      ...familyOf(settings),
      ...(settings.wait === undefined || settings.wait === true ? {} : { waitPort: settings.wait }),
    },
    systemKnockDeps(reporter(settings.verbose === true)),
  );
  printOutcome(`${door} on ${host}`, { host, door }, outcome, settings);
  if (hasFailed(outcome)) throw failedDoor(profile, outcome, systemClock.wallMs());
}

function readSequence(words: readonly string[], udp: boolean): Port[] {
  return words.map((word) => {
    const port = parsePort(word);
    if (port === undefined) {
      // Longer words are not quoted: a link torn apart by the shell may be among them.
      const shown = word.length <= 12 ? ` "${word}"` : "";
      throw usage(
        `Cannot read the port${shown}: write 7000, 8000:udp or 8000/udp, from 1 to 65535`,
      );
    }
    return udp ? { ...port, proto: "udp" } : port;
  });
}

/** A profile's name with ports behind it is a host's, which is seldom meant. */
function noteProfile(host: string, sequence: readonly Port[]): void {
  if (!isSavedHere(host)) return;
  const [first] = sequence;
  const wait = sequence.length === 1 && first?.proto === "tcp" ? ` --wait ${first.port}` : "";
  note(
    `with ports behind it, "${host}" is a host: to knock with the profile of that name, run "sallyport knock ${host}${wait}"`,
  );
}

/** A host needs no home folder, and no profiles that can be read. */
function isSavedHere(name: string): boolean {
  try {
    return isSaved(profilesFolder(), name);
  } catch {
    return false;
  }
}

async function knockHost(host: string, words: readonly string[], settings: Settings) {
  // Before its name is looked up: name servers would read the key.
  if (looksLikeLink(host)) {
    throw usage(
      "Cannot knock: a link names its ports itself: leave out those behind it, or name one to wait for with --wait",
    );
  }
  checkHost(host);
  const sequence = readSequence(words, settings.udp === true);
  noteProfile(host, sequence);
  const outcome = await knockFixed(
    {
      host,
      sequence,
      tries: settings.tries,
      timeoutMs: settings.timeout,
      ...familyOf(settings),
      ...(settings.delay === undefined ? {} : { gapMs: settings.delay }),
      ...(typeof settings.wait === "number" ? { waitPort: settings.wait } : {}),
    },
    systemAttemptDeps(reporter(settings.verbose === true)),
  );
  printOutcome(host, { host }, outcome, settings);
  if (hasFailed(outcome)) throw failedHost(host, outcome);
}

async function save(name: string, target: string | undefined, force: boolean): Promise<void> {
  if (target !== undefined && target !== STDIN) {
    throw usage(
      "Cannot save a link from the command line: other users could see it there: leave it out, and paste or pipe it in when asked",
    );
  }
  // Checked before the link is asked for, so that nobody has to paste it twice.
  checkProfileName(name, "save the profile");
  saveAs(name, await openProfile(STDIN, profilesFolder()), force);
}

async function forget(name: string, other: string | undefined): Promise<void> {
  if (other !== undefined) {
    throw usage("Cannot forget slots: more than one profile is named: name one, behind --forget");
  }
  const profile = await openProfile(name, profilesFolder());
  slotFiles(slotsFolder()).forgetAhead(profile, systemClock.wallMs());
  print(
    printable(
      `Forgot the slots used ahead of this computer's clock for ${profile.door} on ${profile.host}`,
    ),
  );
}

function nothingToKnock(): SallyportError {
  const saved = listProfiles(profilesFolder());
  return usage(
    saved.length === 0
      ? 'Cannot knock: no profile is named: save one with "sallyport knock --save NAME", or name a host and its ports'
      : `Cannot knock: no profile is named: name one of ${saved.join(", ")}`,
  );
}

export function knockCommand(): CommandUnknownOpts {
  return new Command("knock")
    .description("Knock at a door and wait until it answers")
    .argument("[profile]", 'saved profile, rks1:// link, "-" (link on standard input), or a host')
    .argument("[ports...]", "fixed sequence for a host: 7000 8000:udp 9000/tcp")
    .addOption(ipv4Option())
    .addOption(ipv6Option())
    .addOption(delayOption())
    .option("-u, --udp", "send the whole fixed sequence over UDP")
    .option("--wait <port>", "TCP port to wait for", portNumber)
    .option("--no-wait", "knock once and do not wait for an answer")
    .addOption(triesOption())
    .addOption(timeoutOption())
    .addOption(
      new Option("--save <name>", "store a link, read from standard input, under a name").conflicts(
        "forget",
      ),
    )
    .option("--force", "let --save replace a stored link")
    .option("--forget <profile>", "forget the slots used by a clock that was ahead")
    .option("--json", "print the outcome as JSON")
    .addOption(verboseOption())
    .addHelpText("after", EXAMPLES)
    .action(async (target, words, options) => {
      if (options.force === true && options.save === undefined) {
        throw usage(
          'Cannot run "knock": --force is for --save, and there is none: leave it out, or add --save NAME',
        );
      }
      if (options.save !== undefined) return save(options.save, target, options.force === true);
      if (options.forget !== undefined) return forget(options.forget, target);
      if (target === undefined) throw nothingToKnock();
      return words.length === 0 ? knockProfile(target, options) : knockHost(target, words, options);
    });
}
