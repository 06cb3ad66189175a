/** Which options may be given twice, or beside each other, in every command. */

import { expect, test } from "bun:test";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { program } from "../../../src/cli/program.ts";
import { SallyportError } from "../../../src/core/errors.ts";

function leaves(command: CommandUnknownOpts): CommandUnknownOpts[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

function pathOf(command: CommandUnknownOpts): string {
  const { parent } = command;
  return parent?.parent == null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}

/** The error of an option whose value somebody gave already; undefined where it takes another one. */
function refusal(command: CommandUnknownOpts, option: CommandUnknownOpts["options"][number]) {
  const key = option.attributeName();
  const before = option.defaultValue ?? "before";
  command.setOptionValueWithSource(key, before, "cli");
  try {
    option.parseArg?.("1080=home:22", before);
    return undefined;
  } catch (error) {
    return error instanceof SallyportError ? error.message : undefined;
  }
}

test("program() refuses every option with a value that is given twice, but those that may be repeated", () => {
  const taken = leaves(program("linux")).flatMap((command) =>
    command.options
      .filter(({ required, optional }) => required || optional)
      .filter(
        (option) => refusal(command, option)?.endsWith(" is given twice: give it once") !== true,
      )
      .map(({ long }) => `${pathOf(command)} ${long}`),
  );
  expect(taken).toEqual(["agent --forward"]);
});

test.each([
  [["user", "remove", "bob", "--device", "phone", "--device", "tab"], "user remove", "--device"],
  [["user", "add", "bob", "--device=a", "--device=a"], "user add", "--device"],
  [["knock", "-d", "5", "--delay", "6", "home"], "knock", "--delay"],
  [["log", "--user", "alice", "--user", "bob"], "log", "--user"],
  [["reload", "--arm", "1m", "--arm=2m"], "reload", "--arm"],
])("program() given %j names the command and the option", (argv, name, option) => {
  const command = leaves(program("linux")).find((one) => pathOf(one) === name)!;
  // Parsed only: nothing is carried out where it is not refused.
  expect(() => command.parseOptions(argv)).toThrow(
    expect.objectContaining({
      exitCode: 64,
      message: `Cannot run "${name}": ${option} is given twice: give it once`,
    }),
  );
});

test.each([
  [["knock", "--wait", "22", "--no-wait", "home"], "knock", "--wait", "--no-wait"],
  [["knock", "--no-wait", "--wait=22", "home"], "knock", "--wait", "--no-wait"],
  [["agent", "--no-listen", "--listen", "1080"], "agent", "--listen", "--no-listen"],
])("program() given %j refuses an option beside its opposite", (argv, name, yes, no) => {
  const command = leaves(program("linux")).find((one) => pathOf(one) === name)!;
  expect(() => command.parseOptions(argv)).toThrow(
    expect.objectContaining({
      exitCode: 64,
      message: `Cannot run "${name}": ${yes} cannot be used with ${no}: give one of them`,
    }),
  );
});

test.each([
  [["knock", "--no-wait", "--no-wait", "home"]],
  [["knock", "--wait", "22", "home"]],
  [["agent", "--no-listen", "--forward", "1080=home:22"]],
])("program() takes %j", (argv) => {
  const command = leaves(program("linux")).find((one) => pathOf(one) === argv[0])!;
  expect(() => command.parseOptions(argv)).not.toThrow();
});
