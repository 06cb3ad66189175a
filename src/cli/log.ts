/** `sallyport log`: who came in, who was refused, what broke; read directly from the audit log. */

import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { Command } from "@commander-js/extra-typings";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Column } from "./output.ts";
import { printableJson } from "../core/printable.ts";
import {
  alignColumns,
  guardOutput,
  oneLine,
  onTerminal,
  printable,
  printError,
  printTable,
} from "./output.ts";
import { localTime } from "./times.ts";
import { findConfig, withConfig } from "../config/find.ts";
import { stateDirs } from "../config/last-settings.ts";
import { loadSettings } from "../config/load.ts";
import type { Clock } from "../core/clock.ts";
import { systemClock } from "../core/clock.ts";
import { type Address, parseAddress } from "../core/address.ts";
import { parseDuration } from "../core/duration.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { addressTexts } from "../core/grant.ts";
import { AUDIT_FILE, DEFAULT_STATE_DIR } from "../core/state-files.ts";
import type { AuditFilter, ToldEntry } from "../control-plane/audit-access.ts";

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

/** Lines of the past that --follow begins with, like tail and journalctl. */
const BEFORE_FOLLOWING = 10;

const LOT = 1_000;

const DATE = /^\d{4}-\d\d-\d\d$/;
const DATE_AND_TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:?\d\d)?$/;

function refuse(reason: string): never {
  throw new SallyportError(`Cannot show the log: ${reason}`, ExitCode.usage);
}

/**
 * "1d" is that long before `nowMs`. A date, with or without a time, is in the reader's time zone
 * unless it names another.
 */
export function parseMoment(option: string, text: string, nowMs: number): number {
  const agoMs = parseDuration(text);
  if (agoMs !== undefined) return nowMs - agoMs;
  let atMs = NaN;
  // Without a time, JavaScript would take the date as one of UTC.
  if (DATE.test(text)) atMs = Date.parse(`${text}T00:00`);
  else if (DATE_AND_TIME.test(text)) atMs = Date.parse(text.replace(" ", "T"));
  if (!Number.isNaN(atMs)) return atMs;
  return refuse(
    `${option} is "${text}": write how long ago, such as 30m or 1d, or a time such as "2026-05-01 10:11"`,
  );
}

/** Reads an address, or the /64 that a door opened. */
function readAddress(text: string): Address {
  const address = parseAddress(text.replace(/\/64$/, ""));
  if (address !== undefined) return address;
  return refuse(`--address is "${text}": write one such as 203.0.113.7 or 2001:db8::7`);
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
  readonly follow?: true | undefined;
  readonly json?: true | undefined;
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
    ...(address !== undefined && { addresses: addressTexts(readAddress(address)) }),
    ...(type !== undefined && { type }),
    ...(limit !== undefined && { limit }),
  };
}

function row({ atMs, type, door, user, device, address, sentence }: ToldEntry): string[] {
  const who = [user, device].filter((name) => name !== undefined).join("/");
  const time = onTerminal() ? localTime(atMs) : new Date(atMs).toISOString();
  return [time, type, door ?? "", who, address ?? "", oneLine(sentence)];
}

/**
 * The folder of the log. The log is needed most when the daemon does not start. So a broken or
 * missing configuration is no obstacle where a state folder that it may have named holds a log.
 */
function findLog(config: string | undefined): string {
  try {
    return withConfig(config, loadSettings).server.stateDir;
  } catch (error) {
    if (!(error instanceof SallyportError) || error.exitCode !== ExitCode.config) throw error;
    const folder = likelyFolders(config).find((dir) => existsSync(join(dir, AUDIT_FILE)));
    if (folder === undefined) throw error;
    printError(`sallyport: ${error.message}\nShowing the log in ${folder}`);
    return folder;
  }
}

/** A file that root does not trust cannot name a folder. */
function likelyFolders(config: string | undefined): string[] {
  try {
    return stateDirs(findConfig(config));
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    return [DEFAULT_STATE_DIR];
  }
}

/**
 * The portions that a pipe is given, since a whole log may not fit into memory; a table is made of
 * all its rows at once.
 */
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

/**
 * Like `print`, at the pace of the reader: a pager that waits must not make a whole log pile up
 * here.
 */
async function printAtPace(lines: readonly string[]): Promise<void> {
  if (!process.stdout.write(`${lines.join("\n")}\n`)) await once(process.stdout, "drain");
  // That a reader is gone shows only between two turns, and ends this (guardOutput).
  await setImmediate();
}

const jsonLine = (value: unknown): string => printableJson(value);

/**
 * Prints rows as they come, on a terminal under titles. Columns are as wide as the widest cell so
 * far, since later rows are unknown.
 */
function rowPrinter(): (entries: readonly ToldEntry[]) => Promise<void> {
  if (!onTerminal()) {
    return (entries) => printAtPace(entries.map((entry) => row(entry).map(printable).join("\t")));
  }
  let titles: readonly Column[] = COLUMNS;
  let begun = false;
  return (entries) => {
    const rows = entries.map((entry) => row(entry).map(printable));
    titles = titles.map(({ title }, i) => ({
      title: title.padEnd(Math.max(...rows.map((cells) => Bun.stringWidth(cells[i] ?? "")))),
    }));
    const [head = "", ...lines] = alignColumns(titles, rows).split("\n");
    const shown = begun ? lines : [head, ...lines];
    begun = true;
    return printAtPace(shown);
  };
}

async function follow(stateDir: string, options: LogOptions, nowMs: number): Promise<void> {
  if (options.until !== undefined) {
    refuse("--until contradicts --follow: leave one of them out");
  }
  const { followAudit } = await import("../offline/log-follower.ts");
  const ofPast = options.since === undefined ? BEFORE_FOLLOWING : undefined;
  const { limit: _, sinceMs: __, ...after } = filterOf(options, nowMs);
  const show = options.json === true ? undefined : rowPrinter();
  const steps = followAudit(stateDir, {
    before: filterOf(options, nowMs, ofPast),
    after,
    nowMs,
    output: process.stdout.fd,
  });
  for await (const step of steps) {
    if ("trouble" in step) printError(printable(`sallyport: ${step.trouble}: waiting for it`));
    else if (show === undefined) await printAtPace(step.entries.map(jsonLine));
    else await show(step.entries);
  }
}

/** The sentence for an empty result, so that a mistyped type is not taken for peace. */
function nothingFound(type: string | undefined, types: readonly string[]): string {
  if (type === undefined || types.length === 0) return "No entry of the log matches";
  const known = types.some((one) => one === type || one.startsWith(`${type}.`));
  if (known) return "No entry of the log matches";
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
    .option("-f, --follow", `continue with new entries, after the newest ${BEFORE_FOLLOWING}`)
    .option("--json", "print JSON, one object a line")
    .addHelpText(
      "after",
      "\nReads the log file itself, so it works while the daemon is down." +
        "\n\nExamples:\n  sallyport log -f\n  sallyport log --since 1d --user alice\n  sallyport log --type knock.reused --json | jq .detail",
    )
    .action(async (options) => {
      const nowMs = clock.wallMs();
      const filter = filterOf(options, nowMs, onTerminal() ? SCREENFUL : undefined);
      const stateDir = findLog(options.config);
      guardOutput();
      if (options.follow === true) return follow(stateDir, options, nowMs);
      const { auditTypes, readAudit } = await import("../control-plane/audit-access.ts");
      let found = false;
      for (const entries of lots(readAudit(stateDir, filter))) {
        found = true;
        if (options.json === true) await printAtPace(entries.map(jsonLine));
        else if (onTerminal()) printTable(COLUMNS, entries.map(row));
        else await printAtPace(entries.map((entry) => row(entry).map(printable).join("\t")));
      }
      if (found || options.json === true) return;
      const types = options.type === undefined ? [] : auditTypes(stateDir);
      printError(printable(nothingFound(options.type, types)));
    });
}
