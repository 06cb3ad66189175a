/** Completion for zsh: one function for each command, in the manner of its own `_arguments`. */

import {
  type ArgumentWords,
  type CommandWords,
  flatten,
  nameOf,
  type OptionWords,
} from "../words.ts";
import { type Kind, kindOfArgument, kindOfValue, quoted, spellings } from "./kinds.ts";

const ACTION: Record<Kind, string> = {
  file: "_files",
  folder: "_files -/",
  profile: "_sallyport_profiles",
  other: " ",
};

/** Inside a specification ":" and brackets are its own. */
function described(text: string): string {
  return text.replaceAll(/[\\:[\]]/g, "\\$&");
}

function functionName({ path }: CommandWords): string {
  return `_sallyport${path === "" ? "" : `_${path.replaceAll(" ", "_")}`}`;
}

function optionSpecs(option: OptionWords): string[] {
  const names = spellings(option);
  const apart = names.length > 1 ? `(${names.join(" ")})` : "";
  const value =
    option.value === undefined ? "" : `:${described(option.value)}:${ACTION[kindOfValue(option)]}`;
  return names.map((name) => quoted(`${apart}${name}[${described(option.description)}]${value}`));
}

function argumentSpec(argument: ArgumentWords, index: number): string {
  const name = described(argument.term.replaceAll(/[<>[\].]/g, ""));
  const place = argument.term.includes("...") ? "*" : String(index + 1);
  const optional = argument.term.startsWith("[") ? "::" : ":";
  return quoted(
    `${place === "*" ? "*:" : place + optional}${name}:${ACTION[kindOfArgument(argument)]}`,
  );
}

function body(words: CommandWords): string {
  const specs = [...words.options.flatMap(optionSpecs), ...words.arguments.map(argumentSpec)];
  if (words.commands.length === 0) {
    return `  _arguments -s \\\n    ${specs.join(" \\\n    ")}`;
  }
  const listed = words.commands.map((child) =>
    quoted(`${nameOf(child)}:${described(child.description)}`),
  );
  const cases = words.commands.map(
    (child) => `        ${nameOf(child)}) ${functionName(child)} ;;`,
  );
  return `  local curcontext=$curcontext state line
  local -a commands
  _arguments -C \\
    ${[...specs, "'1:command:->command'", "'*::argument:->argument'"].join(" \\\n    ")}
  case $state in
    command)
      commands=(
        ${listed.join("\n        ")}
      )
      _describe command commands
      ;;
    argument)
      case $words[1] in
${cases.join("\n")}
      esac
      ;;
  esac`;
}

export function zshCompletion(root: CommandWords): string {
  const functions = flatten(root).map((words) => `${functionName(words)}() {\n${body(words)}\n}`);
  return `#compdef sallyport
# zsh completion for sallyport, made of the words of its help

_sallyport_profiles() {
  local -a profiles
  profiles=(\${XDG_CONFIG_HOME:-$HOME/.config}/sallyport/profiles/*(N:t))
  compadd -a profiles
}

${functions.join("\n\n")}

_sallyport "$@"
`;
}
