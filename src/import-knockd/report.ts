/**
 * The report of an import on standard error: the fate of every line, the decisions left, and the
 * next steps.
 */

import { formatPortRange } from "../core/port.ts";
import { shellWord } from "../core/shell-command.ts";
import type { Imported, ToldLine } from "./import-knockd.ts";
import type { Level } from "./verdicts.ts";

const NAMES: Readonly<Record<Level, string>> = {
  converted: "converted",
  different: "converted with a difference",
  not: "not convertible",
};

function lineText({ file, line, what, level, texts }: ToldLine): string {
  const said = texts.length === 0 ? "" : `: ${texts.join("; ")}`;
  return `${file}:${line}: ${what}: ${NAMES[level]}${said}`;
}

function counted(lines: readonly ToldLine[], comments: number): string {
  const count = (level: Level) => lines.filter((line) => line.level === level).length;
  const settings = lines.length === 1 ? "1 line" : `${lines.length} lines`;
  const dropped =
    comments === 0
      ? ""
      : `; ${comments === 1 ? "1 comment is" : `${comments} comments are`} not taken over`;
  return `${settings}: ${count("converted")} converted, ${count("different")} with a difference, ${count("not")} not convertible${dropped}`;
}

/** Whether no decision is left to a person. */
export function isWhole({ lines, toDecide }: Imported): boolean {
  return toDecide.length === 0 && lines.every(({ level }) => level !== "not");
}

function guardLines(ports: readonly string[]): string[] {
  const [are, them] = ports.length === 1 ? ["is", "it"] : ["are", "them"];
  return [
    `From the start of sallyport on, ${ports.join(", ")} ${are} shut to every address that has not knocked, also where no rule kept ${them} shut before: remove doors that nobody uses`,
    `Rules that kept ${them} shut for knockd would also stop the addresses that sallyport lets in: sallyport doctor names those rules`,
    "A door opens to the address that knocked, of IPv4 or IPv6, and the kernel closes it",
  ];
}

/**
 * The lines of the report; `written` is the file of the configuration, undefined for standard
 * output.
 */
export function reportLines(imported: Imported, written: string | undefined): string[] {
  const { lines, comments, toDecide, warnings, guarded, sequences, interfaces } = imported;
  const config = written === undefined ? "FILE" : shellWord(written);
  const checks = `sallyport check --config ${config}`;
  return [
    ...lines.map(lineText),
    counted(lines, comments),
    ...toDecide.map((mistake) => `To decide: ${mistake}`),
    ...warnings.map((warning) => `Warning: ${warning}`),
    ...(interfaces === undefined
      ? ["No interface is named: knockd listens on eth0 then, and sallyport on all of them"]
      : []),
    ...(sequences
      ? [
          "A knock starts anew when another port between the lowest and the highest of its sequence is hit in between; knockd saw the ports of its sequences alone",
        ]
      : []),
    ...(guarded.length === 0 ? [] : guardLines(guarded.map(formatPortRange))),
    toDecide.length === 0
      ? `Next: ${checks}, then systemctl disable --now knockd, and: sallyport serve --arm 5m --config ${config}`
      : `Next: mend what is to be decided, then: ${checks}`,
  ];
}
