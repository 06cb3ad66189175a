/**
 * Every `sallyport …` in a code block is an existing command, with options and arguments that it
 * accepts.
 */

import { expect, test } from "bun:test";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { program } from "../../../src/cli/program.ts";
import { CODE_BLOCKS, DOCUMENTS, prose, README } from "./documents.ts";

/** The words of a shell command, quotes taken off. */
function words(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? "",
  );
}

/** The sallyport commands of a line: between pipes, behind `sudo` and assignments, before a comment. */
function commandsOf(line: string): string[][] {
  return line
    .replace(/^\$ /, "")
    .replace(/(^|\s)#.*$/, "")
    .replace(/\s>>? ?\S+\s*$/, "")
    .split(/ (?:\||&&) /)
    .map((command) => words(command.trim()))
    .map((argv) => (argv[0] === "sudo" ? argv.slice(1) : argv))
    .filter(([name = ""]) => /^(dist\/)?sallyport$/.test(name))
    .map((argv) => argv.slice(1));
}

/** The mistake in a command line; undefined when there is none. */
function mistake(argv: readonly string[]): string | undefined {
  let command: CommandUnknownOpts = program();
  let rest = [...argv];
  for (;;) {
    const child = command.commands.find((one) => one.name() === rest[0]);
    if (child === undefined) break;
    command = child;
    rest = rest.slice(1);
  }
  if (command.commands.length > 0) {
    return rest.length === 0
      ? `"${argv.join(" ")}" is a group`
      : `"${argv.join(" ")}" is no command`;
  }
  const { operands, unknown } = command.parseOptions(rest);
  if (unknown.length > 0) return `"${argv.join(" ")}" has the unknown option ${unknown[0]}`;
  const takes = command.registeredArguments;
  const least = takes.filter(({ required }) => required).length;
  const most = takes.some(({ variadic }) => variadic) ? Infinity : takes.length;
  const fits = operands.length >= least && operands.length <= most;
  return fits ? undefined : `"${argv.join(" ")}" has ${operands.length} arguments`;
}

/** Code blocks without the explanations that stand beside commands, two blanks apart. */
const lines = CODE_BLOCKS.flatMap(({ document, language, text }) =>
  ["", "sh"].includes(language)
    ? text.split("\n").map((line) => ({ document, line: line.replace(/(\S) {2,}[^ -].*$/, "$1") }))
    : [],
);

test("every sallyport command in the documents exists and takes what it is given", () => {
  const found = lines.flatMap(({ document, line }) =>
    commandsOf(line).map((argv) => ({ document, argv })),
  );
  expect(found.length).toBeGreaterThan(20);
  const wrong = found.flatMap(({ document, argv }) => {
    const said = mistake(argv);
    return said === undefined ? [] : [`${document}: ${said}`];
  });
  expect(wrong).toEqual([]);
});

test("every sallyport command in the prose exists; arguments may be left out, and a group be meant", () => {
  const found = DOCUMENTS.flatMap((document) =>
    [...prose(document).matchAll(/`((?:sudo |dist\/)?sallyport [^`]+)`/g)].flatMap(
      ([, line = ""]) => commandsOf(line).map((argv) => ({ document: document.path, argv })),
    ),
  );
  expect(found.length).toBeGreaterThan(20);
  const wrong = found.flatMap(({ document, argv }) => {
    const said = mistake(argv);
    return said === undefined || /arguments$|group$/.test(said) ? [] : [`${document}: ${said}`];
  });
  expect(wrong).toEqual([]);
});

test("mistake() finds a command, an option and an argument that do not exist", () => {
  expect(mistake(["knokc", "home"])).toContain("no command");
  expect(mistake(["firewall", "shwo"])).toContain("no command");
  expect(mistake(["grants", "--jsno"])).toContain("unknown option");
  expect(mistake(["open", "ssh"])).toContain("1 arguments");
  expect(mistake(["open", "ssh", "203.0.113.9", "--for", "10m"])).toBeUndefined();
});

/** The commands without subcommands, as people type them: "user add". */
function leaves(command: CommandUnknownOpts, path: readonly string[] = []): string[] {
  return command.commands.length === 0
    ? [path.join(" ")]
    : command.commands.flatMap((child) => leaves(child, [...path, child.name()]));
}

test("README.md lists every command in its table, and no other", () => {
  const table = README.slice(README.indexOf("| `init`"), README.indexOf("Every command has"));
  const listed = table
    .split("\n")
    .filter((row) => row.startsWith("| "))
    .flatMap((row) => {
      const cell = row.split("|")[1]!;
      let group = "";
      return [...cell.matchAll(/`([a-z -]+)`/g)].map(([, name = ""]) => {
        const [first = "", second] = name.split(" ");
        if (second !== undefined) group = first;
        return second === undefined && group !== "" ? `${group} ${first}` : name;
      });
    });
  expect(listed.toSorted()).toEqual(leaves(program()).toSorted());
});

/** The help of a command as people see it, with the text after it. */
function helpOf(command: CommandUnknownOpts): string {
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

function all(command: CommandUnknownOpts): CommandUnknownOpts[] {
  return [command, ...command.commands.flatMap(all)];
}

test.each(all(program()).map((command) => [command.name(), command] as const))(
  "%s --help is a sentence, without its full stop, and has an example that works",
  (_, command) => {
    expect(command.description()).toMatch(/^[A-Z].*[^.]$/);
    const help = helpOf(command);
    const [, examples] = /\nExamples?:\n([^]+)/.exec(help) ?? [];
    expect(examples).toBeDefined();
    const found = examples!.split("\n").flatMap((line) => {
      const plain = line.trim().replace(/(\S) {2,}[^ -].*$/, "$1");
      return commandsOf(plain);
    });
    expect(found.length).toBeGreaterThan(0);
    expect(found.flatMap((argv) => mistake(argv) ?? [])).toEqual([]);
  },
);
