/** The text of the config.toml, with comments beside the differences from knockd. */

import { formatDuration } from "../core/duration.ts";
import { formatPort, formatPortRange } from "../core/port.ts";
import type { Port } from "../core/port.ts";
import { printable, printableJson } from "../core/printable.ts";
import type { DraftDoor } from "./draft.ts";

/** A section that became no door, and why. */
export interface LeftOut {
  readonly name: string;
  readonly line: number;
  readonly why: string;
}

export interface DraftConfig {
  /** The name of the knockd.conf. */
  readonly file: string;
  readonly interfaces: readonly string[] | undefined;
  readonly doors: readonly DraftDoor[];
  readonly leftOut: readonly LeftOut[];
}

/** A basic string of TOML: JSON's, with the controls escaped that JSON leaves as they are. */
export function tomlText(text: string): string {
  return printableJson(text.toWellFormed());
}

function tomlList(items: readonly string[]): string {
  return `[${items.map(tomlText).join(", ")}]`;
}

const knockList = (knocks: readonly Port[]) =>
  tomlList(knocks.map((knock) => (knock.proto === "tcp" ? `${knock.port}` : formatPort(knock))));

function runLine({ run }: DraftDoor): string[] {
  if (run === undefined) return [];
  const parts = [
    ...(run.open ? [`open = ${tomlList(run.open)}`] : []),
    ...(run.close ? [`close = ${tomlList(run.close)}`] : []),
    ...(run.privileged ? ["privileged = true"] : []),
  ];
  return [`run = { ${parts.join(", ")} }`];
}

function sequenceLines({ knocks, timeoutMs, closeKnocks, weakness, opens }: DraftDoor): string[] {
  if (knocks === undefined) return [];
  const lines = [`sequence = ${knockList(knocks)}`];
  if (weakness !== undefined) {
    lines.push(
      "# Weak: whoever scans this machine opens it. Better, drawn at random just now; tell it to your clients, and",
      "# take weak out then:",
      `#sequence = ${knockList(weakness.better)}`,
      "weak = true",
    );
  } else if (knocks.length === 1 && opens.length === 0) {
    lines.push("# One knock: no secret, whoever connects there runs the command.");
  }
  if (timeoutMs !== undefined) lines.push(`sequence_timeout = "${formatDuration(timeoutMs)}"`);
  if (closeKnocks !== undefined) lines.push(`close_sequence = ${knockList(closeKnocks)}`);
  return lines;
}

function doorLines(door: DraftDoor, file: string): string[] {
  const { name, sections, opens, users, openForMs, openForComment } = door;
  const from = sections.map((section) => `line ${section.line}, [${section.name}]`).join("; ");
  return [
    "",
    printable(`# ${file}: ${from}`),
    `[door.${name}]`,
    ...(opens.length > 0 ? [`opens = ${tomlList(opens.map(formatPortRange))}`] : []),
    ...(users ? [`users = ${tomlList(users)}`] : []),
    ...sequenceLines(door),
    `open_for = "${formatDuration(openForMs)}"${openForComment === undefined ? "" : `  # ${openForComment}`}`,
    ...(door.maxGrants === undefined ? [] : [`max_grants = ${door.maxGrants}`]),
    ...runLine(door),
  ];
}

/** The whole file, with a newline at its end. */
export function writeConfig({ file, interfaces, doors, leftOut }: DraftConfig): string {
  const lines = [
    printable(
      `# Made by "sallyport import knockd" of ${file}. Whoever sees a fixed sequence once can repeat it: users,`,
    ),
    "# in place of sequence, make a knock that is another every 30 seconds and counts once.",
    ...(interfaces === undefined ? [] : ["", "[server]", `interfaces = ${tomlList(interfaces)}`]),
    ...doors.flatMap((door) => doorLines(door, file)),
    ...leftOut.flatMap(({ name, line, why }) => [
      "",
      printable(`# ${file}: line ${line}, [${name}] became no door: ${why}`),
    ]),
  ];
  return `${lines.join("\n")}\n`;
}
