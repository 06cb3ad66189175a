/**
 * The log: one line on standard error for every event, in words that an administrator greps for.
 */

import { fstatSync } from "node:fs";
import { configure, getLogger, type LogRecord } from "@logtape/logtape";
import { formatDuration } from "../core/duration.ts";
import type { DaemonEvent } from "../core/events.ts";
import type { Grant } from "../core/grant.ts";
import { formatPortRange } from "../core/port.ts";
import { printableLines } from "../core/printable.ts";
import { LogOutput } from "./log-output.ts";

const STDERR = 2;

/** The levels in the words of a journal (sd-daemon(3)). */
const PRIORITIES: Readonly<Record<string, number>> = { error: 3, warning: 4, info: 6, debug: 7 };

/** Whether standard error is a stream to the journal, by JOURNAL_STREAM of systemd.exec(5). */
function goesToJournal(stream: string | undefined): boolean {
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(STDERR, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false; // standard error is closed
  }
}

/** The journal adds a time and a level to each line. */
function journalLine({ level, message }: LogRecord): string {
  const lines = printableLines(message.join("")).split("\n");
  return lines.map((line) => `<${PRIORITIES[level] ?? 6}>${line}\n`).join("");
}

function plainLine({ timestamp, level, message }: LogRecord): string {
  return `${new Date(timestamp).toISOString()} ${level} ${printableLines(message.join(""))}\n`;
}

let heardDropped = () => {};
let output: LogOutput | undefined;
let journal = false;

/** Sends the program's log to standard error; call once, before the first line. */
export async function startLog(): Promise<void> {
  journal = goesToJournal(process.env["JOURNAL_STREAM"]);
  const line = journal ? journalLine : plainLine;
  const lines = new LogOutput({
    fd: STDERR,
    tellDropped: (count) => {
      const message = [`Dropped ${count} lines of the log: its reader did not take them`];
      const category = ["sallyport"];
      const level = "warning";
      const timestamp = Date.now();
      return line({ category, level, message, rawMessage: "", timestamp, properties: {} });
    },
    dropped: () => heardDropped(),
  });
  output = lines;
  await configure({
    sinks: { stderr: (record) => lines.write(line(record)) },
    loggers: [
      { category: "sallyport", sinks: ["stderr"], lowestLevel: "info" },
      { category: ["logtape", "meta"], sinks: ["stderr"], lowestLevel: "warning" },
    ],
  });
}

/** Calls `hear` for each line that was dropped. */
export function onDroppedLine(hear: () => void): void {
  heardDropped = hear;
}

/** Says why the program ends, in the way of every command. */
export function tellEnd(message: string): void {
  const told = printableLines(message);
  output?.write(journal ? `<${PRIORITIES["error"]}>${told}\n` : `sallyport: ${told}\n`);
}

/** Waits at most `mostMs` until all lines so far are taken: for the end of the process. */
export function flushLog(mostMs: number): void {
  output?.flush(mostMs);
}

/** "debug" is for events of every knock; it is not written. */
export type Level = "debug" | "info" | "warning" | "error";

/** Writes one line. */
export function log(level: Level, sentence: string): void {
  getLogger("sallyport")[level]("{sentence}", { sentence });
}

function holder({ via, user, device }: Grant): string {
  if (via === "rotating") return `${user}/${device}`;
  return via === "fixed" ? "a fixed knock" : "hand";
}

function portList(grant: Grant): string {
  return grant.ports.length === 0 ? "" : ` (${grant.ports.map(formatPortRange).join(", ")})`;
}

const ENDED = {
  expired: "its time is over",
  used: "its one connection was let in",
  hand: "closed by hand",
  knock: "closed by its close knock",
  lost: "somebody else removed it from the kernel",
} as const;

function describeEcho(event: Extract<DaemonEvent, { type: "knock.reused" }>): string {
  const { part, user, device, door, firstMs, firstAddress, address } = event;
  return (
    `${part!.heard} of ${part!.ports} ports of the knock of ${user}/${device} for ${door}, used at ` +
    `${new Date(firstMs).toISOString()} from ${firstAddress}, also came from ${address}: ` +
    `somebody on the path may be listening (addresses can be forged)`
  );
}

/** What a fault means for the knock that met it. */
function describeUnheard({ unheard }: Extract<DaemonEvent, { type: "fault" }>): string {
  if (unheard === undefined) return "";
  const { door, user, device, address } = unheard;
  return (
    `: the knock of ${user}/${device} from ${address} may have opened ${door} all the same, so it counts as used, and ` +
    `what it opened is closed in a moment: knock again with the next slot`
  );
}

/** The log line of an event. */
export function describeEvent(event: DaemonEvent): { level: Level; sentence: string } {
  switch (event.type) {
    case "grant.opened": {
      const { grant, renewed, latencyMs } = event;
      const life = formatDuration(Math.round((grant.expiresMs - event.atMs) / 1_000) * 1_000);
      const speed =
        latencyMs === undefined ? "" : `, ${latencyMs.toFixed(2)} ms after the last knock`;
      return {
        level: "info",
        sentence: `${renewed ? "Renewed" : "Opened"} ${grant.door}${portList(grant)} to ${grant.address} for ${life}: by ${holder(grant)}${speed}`,
      };
    }
    case "grant.restored":
      return {
        level: "info",
        sentence: `Kept ${event.grant.door} open to ${event.grant.address}: the kernel had it open before this start`,
      };
    case "grant.closed": {
      const { grant, reason, shared } = event;
      const others =
        shared === true ? ` (for ${holder(grant)}: others hold it open to this address)` : "";
      return {
        level: "info",
        sentence: `Closed ${grant.door} to ${grant.address}: ${ENDED[reason]}${others}`,
      };
    }
    case "door.full":
      if (event.behind === true) {
        return {
          level: "warning",
          sentence: `Did not open ${event.door} to ${event.address}: the work after its openings is late (commands, log or stores): make its commands faster, or give the door users so that nobody can forge its knock`,
        };
      }
      return {
        level: "warning",
        sentence:
          `Did not open ${event.door} to ${event.address}: ${event.most} addresses hold it already: ` +
          `raise door.${event.door}.max_grants, or give the door users so that nobody can forge its knock`,
      };
    case "knock.repeated":
      return {
        level: "debug",
        sentence: `Ignored a repeat from ${event.address}: it knocked for ${event.door} as ${event.user}/${event.device} in this slot already`,
      };
    case "knock.reused":
      if (event.part !== undefined) return { level: "warning", sentence: describeEcho(event) };
      return {
        level: "warning",
        sentence:
          `Refused ${event.address}: the knock of ${event.user}/${event.device} for ${event.door} was used at ` +
          `${new Date(event.firstMs).toISOString()} from ${event.firstAddress}: somebody on the path may be listening (addresses can be forged)`,
      };
    case "guard.repaired": {
      const rules = event.rules ? "the rule set was changed" : "grants were deleted";
      const grants = event.grants === 1 ? "1 grant" : `${event.grants} grants`;
      return {
        level: "warning",
        sentence: `Repaired the guard in ${event.tookMs.toFixed(1)} ms: ${rules} by somebody else (nft, a firewall service?): ${grants} put back`,
      };
    }
    case "fault":
      return { level: "error", sentence: event.message + describeUnheard(event) };
    case "recovered":
      return { level: "info", sentence: event.message };
  }
}
