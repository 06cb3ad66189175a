/** The log: one line on standard error for everything that happened, in words an administrator greps for. */

import { configure, getLogger, type LogRecord } from "@logtape/logtape";
import { formatDuration } from "../core/duration.ts";
import type { DaemonEvent } from "../core/events.ts";
import type { Grant } from "../core/grant.ts";
import { formatPortRange } from "../core/port.ts";

function line({ timestamp, level, message }: LogRecord): string {
  const when = new Date(timestamp).toISOString();
  return `${when} ${level} ${message.join("")}\n`;
}

/** Sends the program's log to standard error; call once, before the first line. */
export async function startLog(): Promise<void> {
  await configure({
    sinks: { stderr: (record) => process.stderr.write(line(record)) },
    loggers: [
      { category: "sallyport", sinks: ["stderr"], lowestLevel: "info" },
      { category: ["logtape", "meta"], sinks: ["stderr"], lowestLevel: "warning" },
    ],
  });
}

/** "debug" is for what happens at every knock; it is not written. */
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

/** The line an event leaves in the log. */
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
        sentence: `Kept ${event.grant.door} open to ${event.grant.address}: the kernel had it open since before this start`,
      };
    case "grant.closed":
      return {
        level: "info",
        sentence: `Closed ${event.grant.door} to ${event.grant.address}: ${ENDED[event.reason]}`,
      };
    case "door.full":
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
      return { level: "error", sentence: event.message };
    case "recovered":
      return { level: "info", sentence: event.message };
  }
}
