/**
 * `sallyport knock`: knocks at a door and waits until the port answers; also saves the profile for
 * that.
 */

import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { KnockOutcome, KnockProgress } from "../client/attempts.ts";
import { knockFixed } from "../client/fixed-knock.ts";
import { profilesFolder, slotsFolder } from "../client/folders.ts";
import { systemKnockDeps } from "../client/knock-deps.ts";
import { firstTcpPort, knock, KNOCK_DEFAULTS } from "../client/knock.ts";
import {
  describeOutcome,
  describeProgress,
  failedDoor,
  failedHost,
  warnOfDelay,
} from "../client/messages.ts";
import { checkProfileName, listProfiles, saveProfile } from "../client/profile-files.ts";
import { looksLikeLink, openProfile, STDIN } from "../client/profile-source.ts";
import { slotFiles } from "../client/slot-files.ts";
import { missingZone } from "../client/ipv6-zones.ts";
import type { Family } from "../core/address.ts";
import { systemClock } from "../core/clock.ts";
import { parseDuration } from "../core/duration.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { parsePort } from "../core/port.ts";
import type { Port } from "../core/port.ts";
import { print, printJson } from "./output.ts";

const EXAMPLES = `
Examples:
  sallyport knock --save home          store a link (asked for, not shown) as "home"
  sallyport knock home                 knock, wait until the door answers, knock again if it does not
  sallyport knock home && ssh gate     connect once it is open
  pass show gate | sallyport knock -   the link from a password manager
  sallyport knock gate.example 7000 8000:udp 9000 --wait 22
                                       a fixed sequence, as knockd's client sends it`;

interface Settings {
  readonly ipv4?: true | undefined;
  readonly ipv6?: true | undefined;
  readonly delay?: number | undefined;
  readonly udp?: true | undefined;
  readonly wait?: number | boolean | undefined;
  readonly tries: number;
  readonly timeout: number;
  readonly json?: true | undefined;
  readonly verbose?: true | undefined;
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Write a whole number from ${min} to ${max}.`);
  };
}

function timeoutMs(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 100 && ms <= 60_000) return ms;
  throw new InvalidArgumentError('Write a duration from "100ms" to "1m".');
}

function usage(message: string): SallyportError {
  return new SallyportError(message, ExitCode.usage);
}

function note(line: string): void {
  process.stderr.write(`sallyport: ${line}\n`);
}

/** A wait is always told, because it looks like hanging; the rest on request. */
function reporter(verbose: boolean): (progress: KnockProgress) => void {
  return (progress) => {
    if (verbose || progress.type === "waiting") note(describeProgress(progress));
  };
}

function familyOption(settings: Settings): { family?: Family } {
  if (settings.ipv4) return { family: 4 };
  return settings.ipv6 ? { family: 6 } : {};
}

function printOutcome(
  what: string,
  facts: object,
  outcome: KnockOutcome,
  settings: Settings,
): void {
  const { state, target, port, before, attempts } = outcome;
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
    print(describeOutcome(what, outcome));
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
      ...familyOption(settings),
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

async function knockHost(host: string, words: readonly string[], settings: Settings) {
  const sequence = readSequence(words, settings.udp === true);
  const outcome = await knockFixed(
    {
      host,
      sequence,
      tries: settings.tries,
      timeoutMs: settings.timeout,
      ...familyOption(settings),
      ...(settings.delay === undefined ? {} : { gapMs: settings.delay }),
      ...(typeof settings.wait === "number" ? { waitPort: settings.wait } : {}),
    },
    systemKnockDeps(reporter(settings.verbose === true)),
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
  const folder = profilesFolder();
  // Checked before the link is asked for, so that nobody has to paste it twice.
  checkProfileName(name, "save the profile");
  const profile = await openProfile(STDIN, folder);
  const path = saveProfile(folder, name, profile, force);
  print(`Saved ${profile.door} on ${profile.host} in ${path}`);
  const reason = missingZone(profile.host);
  if (reason !== undefined) note(`${profile.host} cannot be knocked on as it is: ${reason}`);
  print(`Knock with: sallyport knock ${name}`);
}

async function forget(name: string): Promise<void> {
  const profile = await openProfile(name, profilesFolder());
  slotFiles(slotsFolder()).forget(profile);
  print(`Forgot which slots were used for ${profile.door} on ${profile.host}`);
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
    .addOption(new Option("-4, --ipv4", "knock over IPv4 only").conflicts("ipv6"))
    .option("-6, --ipv6", "knock over IPv6 only")
    .option("-d, --delay <ms>", "pause between two packets", wholeNumber(0, 60_000))
    .option("-u, --udp", "send the whole fixed sequence over UDP")
    .option("--wait <port>", "TCP port to wait for", wholeNumber(1, 65_535))
    .option("--no-wait", "knock once and do not wait for an answer")
    .option("--tries <n>", "knocks at most", wholeNumber(1, 20), KNOCK_DEFAULTS.tries)
    .addOption(
      new Option("--timeout <duration>", "how long each knock waits for the answer")
        .argParser(timeoutMs)
        .default(KNOCK_DEFAULTS.timeoutMs, "2s"),
    )
    .option("--save <name>", "store a link, read from standard input, under a name")
    .option("--force", "let --save replace a stored link")
    .option("--forget <profile>", "forget the slots used: after a knock with a wrong clock")
    .option("--json", "print the outcome as JSON")
    .option("-v, --verbose", "say what happens")
    .addHelpText("after", EXAMPLES)
    .action(async (target, words, options) => {
      if (options.save !== undefined) return save(options.save, target, options.force === true);
      if (options.forget !== undefined) return forget(options.forget);
      if (target === undefined) throw nothingToKnock();
      return words.length === 0 ? knockProfile(target, options) : knockHost(target, words, options);
    });
}
