/**
 * The command line's own words, as data: man pages and completions are made of the same words as
 * `--help`.
 */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { program } from "../../src/cli/program.ts";

export interface OptionWords {
  /** As `--help` writes it: "-d, --delay <ms>". */
  readonly term: string;
  /** With its default. */
  readonly description: string;
  readonly short?: string;
  readonly long?: string;
  /** The name of its value: "ms"; absent for an option without one. */
  readonly value?: string;
}

export interface ArgumentWords {
  /** As `--help` writes it: "<name>", "[ports...]". */
  readonly term: string;
  readonly description: string;
}

export interface CommandWords {
  /** "" for the program itself, "user add" for a command. */
  readonly path: string;
  readonly description: string;
  readonly arguments: readonly ArgumentWords[];
  readonly options: readonly OptionWords[];
  readonly commands: readonly CommandWords[];
  /** The text of `--help` behind its lists: remarks and examples. */
  readonly after: string;
}

/** The whole tree, the program itself at its root. */
export function allWords(): CommandWords {
  return wordsOf(program(), "");
}

/** A command and every one below it, in the order of `--help`. */
export function flatten(words: CommandWords): CommandWords[] {
  return [words, ...words.commands.flatMap(flatten)];
}

/** The last word of its path, as people type it after its parent. */
export function nameOf({ path }: CommandWords): string {
  return path.split(" ").at(-1)!;
}

function wordsOf(command: CommandUnknownOpts, path: string): CommandWords {
  const help = command.createHelp();
  return {
    path,
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => {
      const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
      return {
        term: argument.required ? `<${name}>` : `[${name}]`,
        description: help.argumentDescription(argument),
      };
    }),
    options: help.visibleOptions(command).map((option) => ({
      term: help.optionTerm(option),
      description: help.optionDescription(option),
      ...(option.short != null && { short: option.short }),
      ...(option.long != null && { long: option.long }),
      ...valueOf(option.flags),
    })),
    commands: command.commands.map((child) => wordsOf(child, `${path} ${child.name()}`.trim())),
    after: afterHelp(command),
  };
}

function valueOf(flags: string): { value?: string } {
  const value = /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1];
  return value === undefined ? {} : { value };
}

function afterHelp(command: CommandUnknownOpts): string {
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text.slice(command.helpInformation().length).trim();
}
