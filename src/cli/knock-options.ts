/** What the commands that knock have in common: options, notes, progress. */

import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import type { KnockProgress } from "../client/attempts.ts";
import { KNOCK_DEFAULTS } from "../client/knock.ts";
import { describeProgress } from "../client/messages.ts";
import { looksLikeKey } from "../client/profile-source.ts";
import type { Family } from "../core/address.ts";
import { parseDuration } from "../core/duration.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { printError } from "./output.ts";

/** What the options below tell a command; times in milliseconds. */
export interface KnockSettings {
  readonly ipv4?: true | undefined;
  readonly ipv6?: true | undefined;
  readonly delay?: number | undefined;
  readonly tries: number;
  readonly timeout: number;
  readonly verbose?: true | undefined;
}

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Write a whole number from ${min} to ${max}.`);
  };
}

export const portNumber = wholeNumber(1, 65_535);

function timeoutMs(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 100 && ms <= 60_000) return ms;
  throw new InvalidArgumentError('Write a duration from "100ms" to "1m".');
}

export const ipv4Option = () => new Option("-4, --ipv4", "knock over IPv4 only").conflicts("ipv6");

export const ipv6Option = () => new Option("-6, --ipv6", "knock over IPv6 only");

export const delayOption = () =>
  new Option("-d, --delay <ms>", "pause between two packets").argParser(wholeNumber(0, 60_000));

export const triesOption = () =>
  new Option("--tries <n>", "knocks at most")
    .argParser(wholeNumber(1, 20))
    .default(KNOCK_DEFAULTS.tries);

export const timeoutOption = () =>
  new Option("--timeout <duration>", "how long each knock waits for the answer")
    .argParser(timeoutMs)
    .default(KNOCK_DEFAULTS.timeoutMs, "2s");

export const verboseOption = () => new Option("-v, --verbose", "say what happens");

/** One line for the person, on standard error: standard output may belong to a program. */
export function note(line: string): void {
  printError(`sallyport: ${line}`);
}

/** Waiting is always told, because it looks like hanging; the rest on request. */
export function reporter(verbose: boolean): (progress: KnockProgress) => void {
  return (progress) => {
    if (verbose || progress.type === "waiting") note(describeProgress(progress));
  };
}

/** Empty, with characters that no host has, or with a port behind its one colon. */
const NO_HOST = /^$|[\s\p{Cc}/@]|^[^:]*:[^:]*$/u;

/**
 * Throws (exit 64) for a word that can be no host, before it is looked up: name servers would read a key. It is quoted
 * nowhere.
 */
export function checkHost(host: string): void {
  if (looksLikeKey(host)) {
    throw new SallyportError(
      'Cannot look up the host: it looks like a key: write a host there, and save the whole link with "sallyport knock --save NAME"',
      ExitCode.usage,
    );
  }
  if (!NO_HOST.test(host)) return;
  throw new SallyportError(
    "Cannot look up the host: it is none: write a name or an address alone, without a user or a port",
    ExitCode.usage,
  );
}

export function familyOf(settings: Pick<KnockSettings, "ipv4" | "ipv6">): { family?: Family } {
  if (settings.ipv4) return { family: 4 };
  return settings.ipv6 ? { family: 6 } : {};
}

/** For a command that dials. */
export function dialOptions(settings: KnockSettings) {
  const { tries, timeout, delay: gapMs = KNOCK_DEFAULTS.gapMs } = settings;
  return { tries, timeoutMs: timeout, gapMs, ...familyOf(settings) };
}
