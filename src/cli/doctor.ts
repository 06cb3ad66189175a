/** `sallyport doctor`: the conditions of this machine that would stop a knock, and the remedies. */

import { Command } from "@commander-js/extra-typings";
import { foundConfig, whyTaken } from "../config/find.ts";
import { ExitCode } from "../core/errors.ts";
import type { Finding, Level } from "../core/finding.ts";
import { print, printable, printJson, type Style, styled } from "./output.ts";

const STYLE: Record<Level, Style> = { ok: "green", warning: "yellow", problem: "red" };

function printFinding({ check, level, sentence, remedy }: Finding): void {
  const said = remedy === undefined ? sentence : `${sentence}: ${remedy}`;
  const [first = "", ...rest] = said.split("\n").map(printable);
  const mark = styled(STYLE[level], level.padEnd(7));
  print([`${mark}  ${check}: ${first}`, ...rest.map((line) => `           ${line}`)].join("\n"));
}

function verdict(findings: readonly Finding[]): string {
  const count = (level: Level) => findings.filter((finding) => finding.level === level).length;
  const [problems, warnings] = [count("problem"), count("warning")];
  const said = warnings === 1 ? "1 warning" : `${warnings} warnings`;
  if (problems === 0) return `Nothing that was seen stops a knock (${said})`;
  return `${problems === 1 ? "1 problem stops" : `${problems} problems stop`} a knock (${said})`;
}

export function doctorCommand() {
  return new Command("doctor")
    .description("Look for everything on this machine that would stop a knock; change nothing")
    .option("--config <file>", "configuration file")
    .option("--quiet", "leave out the good findings")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExits with 1 when a problem stops a knock, with 0 when one can work." +
        "\nWorks without a daemon and without root, and says what it could not see.\n" +
        "\nExample:\n  sudo sallyport doctor",
    )
    .action(async ({ config, quiet, json }) => {
      const { examine } = await import("../doctor/examine.ts");
      const file = config ?? foundConfig();
      const why = config === undefined && file !== undefined ? whyTaken(file) : undefined;
      const all = await examine(file, { why, isNamed: config !== undefined });
      const works = all.every(({ level }) => level !== "problem");
      if (!works) process.exitCode = ExitCode.failure;
      const findings = all.filter(({ level }) => quiet !== true || level !== "ok");
      if (json === true) {
        printJson({ works, findings });
        return;
      }
      for (const finding of findings) printFinding(finding);
      print(verdict(all));
    });
}
