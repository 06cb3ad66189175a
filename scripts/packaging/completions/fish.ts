/** Completion for fish: one line for each command and option, under the condition that its parent was typed. */

import { type CommandWords, flatten, nameOf, type OptionWords } from "../words.ts";
import { type Kind, kindOfFirst, kindOfValue } from "./kinds.ts";

const VALUES: Record<Kind, string> = {
  file: "-r -F",
  folder: "-x -a '(__fish_complete_directories)'",
  profile: "-x -a '(__sallyport_profiles)'",
  other: "-x",
};

/** In single quotes fish knows "\\" and "\'". */
function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}

function at(words: CommandWords): string {
  return `complete -c sallyport -n ${quoted(`__sallyport_at ${quoted(words.path)}`)}`;
}

function optionLine(words: CommandWords, option: OptionWords): string {
  const { short, long, value, description } = option;
  const names = [
    ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
    ...(long === undefined ? [] : [`-l ${long.slice(2)}`]),
  ];
  const takes = value === undefined ? [] : [VALUES[kindOfValue(option)]];
  return [at(words), ...names, ...takes, `-d ${quoted(description)}`].join(" ");
}

function lines(words: CommandWords): string[] {
  const first = kindOfFirst(words);
  return [
    ...words.commands.map(
      (child) => `${at(words)} -a ${nameOf(child)} -d ${quoted(child.description)}`,
    ),
    ...(first === "other" ? [] : [`${at(words)} ${VALUES[first].replace("-r ", "")}`]),
    ...words.options.map((option) => optionLine(words, option)),
  ];
}

export function fishCompletion(root: CommandWords): string {
  const all = flatten(root);
  const paths = all.filter(({ path }) => path !== "").map(({ path }) => quoted(path));
  return `# fish completion for sallyport, made of the words of its help

set -g __sallyport_commands ${paths.join(" ")}

# Whether the command typed so far is the one named.
function __sallyport_at
    set -l path
    for word in (commandline -opc)[2..-1]
        set -l longer (string join ' ' $path $word)
        contains -- $longer $__sallyport_commands; and set path $path $word
    end
    test "$path" = "$argv[1]"
end

function __sallyport_profiles
    set -q XDG_CONFIG_HOME; and set -l folder $XDG_CONFIG_HOME; or set -l folder ~/.config
    command ls $folder/sallyport/profiles 2>/dev/null
end

complete -c sallyport -f
${all.flatMap(lines).join("\n")}
`;
}
