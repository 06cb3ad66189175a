/** `sallyport log`: who came in, who was refused, what broke; read from the audit log itself. */

import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { Command } from "@commander-js/extra-typings";
import { guardOutput, onTerminal, printable, printTable } from "./output.ts";
import { localTime } from "./times.ts";
import { withConfig } from "../config/find.ts";
import { loadSettings } from "../config/load.ts";
import type { Clock } from "../core/clock.ts";
import { systemClock } from "../core/clock.ts";
import { formatAddress, formatPrefix, maskAddress, parseAddress } from "../core/address.ts";
import { parseDuration } from "../core/duration.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import type { AuditFilter, ToldEntry } from "../daemon/audit-access.ts";

const COLUMNS = [
  { title: "TIME" },
  { title: "EVENT" },
  { title: "DOOR" },
  { title: "WHO" },
  { title: "ADDRESS" },
  { title: "WHAT" },
] as const;

/** Lines shown without --limit on a terminal; a pipe gets all of them. */
const SCREENFUL = 100;

const LOT = 1_000;

const DATE = /^\d{4}-\d\d-\d\d$/;
const DATE_AND_TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:?\d\d)?$/;

function refuse(reason: string): never {
  throw new SallyportError(`Cannot show the log: ${reason}`, ExitCode.usage);
}

/** "1d" is so long before `nowMs`; a date or a date and time is the reader's own, unless it names its zone. */
export function parseMoment(option: string, text: string, nowMs: number): number {
  const agoMs = parseDuration(text);
  if (agoMs !== undefined) return nowMs - agoMs;
  let atMs = NaN;
  // Without a time, JavaScript would take the date for one of Greenwich.
  if (DATE.test(text)) atMs = Date.parse(`${text}T00:00`);
  else if (DATE_AND_TIME.test(text)) atMs = Date.parse(text.replace(" ", "T"));
  if (!Number.isNaN(atMs)) return atMs;
  return refuse(
    `${option} is "${text}": write how long ago, such as 30m or 1d, or a time such as "2026-05-01 10:11"`,
  );
}

/** The texts under which an address may stand in the log: itself, and its /64 where a door opened one. */
function addressTexts(text: string): string[] {
  const address = parseAddress(text.replace(/\/64$/, ""));
  if (address === undefined) {
    return refuse(`--address is "${text}": write one such as 203.0.113.7 or 2001:db8::7`);
  }
  const own = formatAddress(address);
  if (address.family === 4) return [own];
  return [own, formatPrefix({ address: maskAddress(address, 64), bits: 64 })];
}

function parseLimit(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) refuse(`--limit is "${text}": write a number such as 50`);
  return Number(text);
}

interface LogOptions {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly user?: string | undefined;
  readonly door?: string | undefined;
  readonly address?: string | undefined;
  readonly type?: string | undefined;
  readonly limit?: string | undefined;
}

function filterOf(options: LogOptions, nowMs: number, standardLimit?: number): AuditFilter {
  const { since, until, door, address, type } = options;
  const [user, device] = options.user?.split("/") ?? [];
  const limit = options.limit === undefined ? standardLimit : parseLimit(options.limit);
  return {
    ...(since !== undefined && { sinceMs: parseMoment("--since", since, nowMs) }),
    ...(until !== undefined && { untilMs: parseMoment("--until", until, nowMs) }),
    ...(user !== undefined && { user }),
    ...(device !== undefined && { device }),
    ...(door !== undefined && { door }),
    ...(address !== undefined && { addresses: addressTexts(address) }),
    ...(type !== undefined && { type }),
    ...(limit !== undefined && { limit }),
  };
}

function row({ atMs, type, door, user, device, address, sentence }: ToldEntry): string[] {
  const who = [user, device].filter((name) => name !== undefined).join("/");
  const time = onTerminal() ? localTime(atMs) : new Date(atMs).toISOString();
  return [time, type, door ?? "", who, address ?? "", sentence];
}

/** What a pipe is given at a time, since a whole log may not fit into memory; a table is made of all its rows. */
function* lots(entries: Iterable<ToldEntry>): Generator<ToldEntry[]> {
  let lot: ToldEntry[] = [];
  for (const entry of entries) {
    lot.push(entry);
    if (lot.length < LOT || onTerminal()) continue;
    yield lot;
    lot = [];
  }
  if (lot.length > 0) yield lot;
}

/** As `print`, at the pace of who reads: a pager that waits must not make a whole log pile up here. */
async function printAtPace(lines: readonly string[]): Promise<void> {
  if (!process.stdout.write(`${lines.join("\n")}\n`)) await once(process.stdout, "drain");
  // A reader that went away shows itself between two turns only, and ends this (guardOutput).
  await setImmediate();
}

/** One line of JSON in which a terminal takes nothing for a command. */
function jsonLine(value: unknown): string {
  // JSON escapes the controls below U+0020 only; U+009B alone begins an escape sequence.
  return JSON.stringify(value).replaceAll(
    /[\u007f-\u009f]/g,
    (char) => `\\u00${char.charCodeAt(0).toString(16)}`,
  );
}

/** What to say where nothing was found, so that a mistyped type is not taken for peace. */
function nothingFound(type: string | undefined, types: readonly string[]): string {
  if (type === undefined || types.length === 0) return "Nothing in the log answers this";
  const known = types.some((one) => one === type || one.startsWith(`${type}.`));
  if (known) return "Nothing in the log answers this";
  return `Nothing in the log is of type "${type}": it has ${types.join(", ")}`;
}

export function logCommand(clock: Clock = systemClock): CommandUnknownOpts {
  return new Command("log")
    .description(
      "Show what happened: doors opened and closed, knocks refused, faults; the newest last",
    )
    .option("--config <file>", "configuration of the daemon, which names its state folder")
    .option("--since <when>", 'only from then on: how long ago ("1d", "30m") or a time')
    .option("--until <when>", "only before then")
    .option("--user <name>", "only this user, or one device: alice/laptop")
    .option("--door <name>", "only this door")
    .option("--address <address>", "only this address")
    .option("--type <type>", 'only this event ("grant.opened") or kind of event ("grant", "knock")')
    .option("--limit <n>", `the newest so many (default: ${SCREENFUL} on a terminal, else all)`)
    .option("--json", "print JSON, one object a line")
    .addHelpText(
      "after",
      "\nReads the log file itself, so it works while the daemon is down." +
        "\n\nExamples:\n  sallyport log --since 1d --user alice\n  sallyport log --type knock.reused --json | jq .detail",
    )
    .action(async (options) => {
      const standardLimit = onTerminal() ? SCREENFUL : undefined;
      const filter = filterOf(options, clock.wallMs(), standardLimit);
      const { stateDir } = withConfig(options.config, loadSettings).server;
      const { auditTypes, readAudit } = await import("../daemon/audit-access.ts");
      guardOutput();
      let found = false;
      for (const entries of lots(readAudit(stateDir, filter))) {
        found = true;
        if (options.json === true) await printAtPace(entries.map(jsonLine));
        else if (onTerminal()) printTable(COLUMNS, entries.map(row));
        else await printAtPace(entries.map((entry) => row(entry).map(printable).join("\t")));
      }
      if (found || options.json === true) return;
      const types = options.type === undefined ? [] : auditTypes(stateDir);
      process.stderr.write(`${nothingFound(options.type, types)}\n`);
    });
}
