/** `sallyport status`: whether the daemon is ready, its doors, and what it has seen. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { Command } from "@commander-js/extra-typings";
import { configOption, controlSocket, socketOption } from "./control-socket.ts";
import type { Style } from "./output.ts";
import { oneLine, print, printable, printJson, printTable, styled } from "./output.ts";
import { localTime, roughDuration } from "./times.ts";
import { connectControl, nobodyListens } from "../api/client.ts";
import type { DoorView } from "../api/control.ts";
import type { Status } from "../api/schemas.ts";
import { formatUsers } from "../config/names.ts";
import { LATENCY_BUCKETS } from "../core/counters.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { namesInSentence } from "../core/names-in-sentence.ts";
import type { StandingGuard } from "../offline/firewall-access.ts";

const DOOR_COLUMNS = [
  { title: "DOOR" },
  { title: "OPENS" },
  { title: "KNOCK" },
  { title: "OPEN FOR" },
  { title: "GRANTS", align: "right" },
  { title: "USERS" },
] as const;

function doorRow(door: DoorView): string[] {
  const opens = door.opens.join(", ") || "no port";
  const grants = String(door.grants);
  return [door.name, opens, door.knock, door.openFor, grants, formatUsers(door.users)];
}

const OTHERWISE = {
  open: "the ports open again",
  back: "the configuration before the last reload returns",
} as const;

function describeProbation({ untilMs, otherwise }: NonNullable<Status["probation"]>): string {
  const left = roughDuration(untilMs - Date.now());
  return `On probation until ${localTime(untilMs)} (${left}): knock, connect, and run sallyport confirm there, or ${OTHERWISE[otherwise]}`;
}

function printReadiness(status: Status): void {
  const { version, ready, reasons, notices, probation, uptimeSeconds } = status;
  const [style, word]: [Style, string] = ready ? ["green", "ready"] : ["red", "not ready"];
  const up = roughDuration(uptimeSeconds * 1000);
  print(`sallyport ${printable(version)} is ${styled(style, word)}, up ${up}`);
  for (const { message, detail } of reasons) {
    print(printable(`  ${oneLine(detail === undefined ? message : `${message}: ${detail}`)}`));
  }
  if (probation !== undefined) print(styled("yellow", `  ${describeProbation(probation)}`));
  for (const notice of notices) print(styled("yellow", `  ${printable(oneLine(notice))}`));
}

/** The bound of a quantile's bucket, in words; undefined is above the last bucket. */
function within(seconds: number | undefined): string {
  if (seconds !== undefined) return `within ${seconds * 1000} ms`;
  return `in more than ${LATENCY_BUCKETS.at(-1)! * 1000} ms`;
}

function printCounters({ counters, latency }: Status): void {
  const n = (name: string) => (counters[name] ?? 0).toLocaleString("en-US");
  const line = (title: string, text: string) => print(`${styled("dim", title.padEnd(8))} ${text}`);
  line("packets", `${n("packets")} seen, ${n("knocks")} knocks, ${n("captureDrops")} dropped`);
  line(
    "matches",
    `${n("matches")} new, ${n("repeats")} repeated, ${n("reuses")} refused as reused`,
  );
  line(
    "grants",
    `${n("grantsOpened")} opened, ${n("grantsRenewed")} renewed, ${n("grantsClosed")} ended, ${n("grantsFailed")} failed, ${n("grantsLive")} now`,
  );
  if (
    ["commandsWaiting", "closesOwed", "commandsDropped"].some((name) => (counters[name] ?? 0) > 0)
  ) {
    line(
      "commands",
      `${n("commandsWaiting")} wait, ${n("closesOwed")} of them to close; ${n("commandsDropped")} dropped`,
    );
  }
  if ((counters["logLinesDropped"] ?? 0) > 0) {
    line("log", `${n("logLinesDropped")} lines dropped, which no reader took`);
  }
  line("sources", `${n("sources4")} IPv4 and ${n("sources6")} IPv6 remembered`);
  if (latency.count === 0) return;
  line("opening", `half ${within(latency.medianSeconds)}, 99 % ${within(latency.p99Seconds)}`);
}

/** Ports in a sentence; `sallyport firewall show` has all of them. */
const MOST_PORTS = 20;

function describeStanding({ guarded, endsInMs, grants }: StandingGuard): string[] {
  if (guarded.length === 0) {
    return ["No sallyport runs here, and nothing is guarded: every port is as open as without it"];
  }
  const ends = endsInMs === undefined ? "" : ` for ${roughDuration(endsInMs)} more`;
  const held =
    grants === 0
      ? []
      : [
          `Open until their time is over: ${grants} ${grants === 1 ? "grant" : "grants"} from before`,
        ];
  return [
    `No sallyport runs here, and the kernel guards ${namesInSentence(guarded, MOST_PORTS)}${ends}: no knock opens a door`,
    `Start it again with "sallyport serve" or "systemctl start sallyport"; "sallyport firewall remove" opens them to everybody`,
    ...held,
  ];
}

/**
 * Asks the kernel where no daemon listens. Throws `refusal` where the user may not ask, or a daemon
 * guards after all.
 */
async function printStanding(refusal: SallyportError, json: boolean): Promise<void> {
  const { standingGuard } = await import("../offline/firewall-access.ts");
  const standing = standingGuard();
  if (standing === "unseen") {
    throw new SallyportError(
      `${refusal.message}; only root may see whether the kernel guards ports: run it with sudo`,
      refusal.exitCode,
    );
  }
  if (standing === undefined) throw refusal;
  process.exitCode = ExitCode.failure;
  if (json) printJson({ running: false, ready: false, ...standing });
  else for (const line of describeStanding(standing)) print(printable(line));
}

/** Undefined where no daemon listens, after that was printed. */
async function askDaemon(socket: string, json: boolean) {
  const client = connectControl(socket);
  try {
    return await Promise.all([client.status(), client.doors()]);
  } catch (error) {
    if (!(error instanceof SallyportError) || !nobodyListens(error)) throw error;
    await printStanding(error, json);
    return undefined;
  }
}

/** Exits with 1 while the daemon is not ready, so that a script can test it. */
export function statusCommand(): CommandUnknownOpts {
  return new Command("status")
    .description("Show whether the daemon is ready, its doors and its figures")
    .addOption(socketOption())
    .addOption(configOption())
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExits with 0 when a right knock opens its door, with 1 when not. Where no daemon runs it says what\nthe kernel guards.\n\nExample:\n  sallyport status --json | jq .reasons",
    )
    .action(async (options) => {
      const answer = await askDaemon(await controlSocket(options), options.json === true);
      if (answer === undefined) return;
      const [status, doors] = answer;
      if (!status.ready) process.exitCode = ExitCode.failure;
      if (options.json === true) {
        printJson({ ...status, doors });
        return;
      }
      printReadiness(status);
      print("");
      printTable(DOOR_COLUMNS, doors.map(doorRow));
      print("");
      printCounters(status);
    });
}
