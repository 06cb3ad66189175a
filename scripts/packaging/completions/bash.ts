/** Completion for bash: commands, options and the known ones of their values. */

import { type CommandWords, flatten, nameOf } from "../words.ts";
import { type Kind, kindOfFirst, kindOfValue, quoted, spellings } from "./kinds.ts";

/** The options of a command whose value is of a kind, as alternatives of `case`. */
function having({ options }: CommandWords, kind: Kind): string {
  return options
    .filter((option) => option.value !== undefined && kindOfValue(option) === kind)
    .flatMap(spellings)
    .join(" ");
}

function entry(words: CommandWords): string {
  const options = words.options.flatMap((option) => option.long ?? option.short ?? []);
  const fields = [
    ["commands", words.commands.map(nameOf).join(" ")],
    ["options", options.join(" ")],
    ["files", having(words, "file")],
    ["folders", having(words, "folder")],
    ["profiles", having(words, "profile")],
    ["values", having(words, "other")],
    ["first", kindOfFirst(words)],
  ] as const;
  const set = fields.map(([name, text]) => `${name}=${quoted(text)}`).join(" ");
  return `    ${quoted(words.path)}) ${set} ;;`;
}

export function bashCompletion(root: CommandWords): string {
  return `# bash completion for sallyport, made of the words of its help

_sallyport_command() { # path of a command: sets what it has
  case "$1" in
${flatten(root).map(entry).join("\n")}
  esac
}

_sallyport_offer() { # kind
  case "$1" in
    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    folder) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    profile) mapfile -t COMPREPLY < <(compgen -W "$(command ls "\${XDG_CONFIG_HOME:-$HOME/.config}/sallyport/profiles" 2>/dev/null)" -- "$cur") ;;
  esac
}

_sallyport() {
  local IFS=$' \\t\\n' cur=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]}
  local path='' word i arguments=0 skip=''
  local commands options files folders profiles values first
  COMPREPLY=()
  _sallyport_command ''
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $skip ]]; then
      skip=''
    elif [[ $word == -* ]]; then
      [[ " $files $folders $profiles $values " != *" $word "* ]] || skip=yes
    elif [[ $arguments == 0 && " $commands " == *" $word "* ]]; then
      path="\${path:+$path }$word"
      _sallyport_command "$path"
    else
      arguments=$((arguments + 1))
    fi
  done

  if [[ -n $skip ]]; then
    if [[ " $files " == *" $before "* ]]; then
      _sallyport_offer file
    elif [[ " $folders " == *" $before "* ]]; then
      _sallyport_offer folder
    elif [[ " $profiles " == *" $before "* ]]; then
      _sallyport_offer profile
    fi
  elif [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
  elif [[ -n $commands ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
  elif [[ $arguments == 0 ]]; then
    _sallyport_offer "$first"
  fi
}

complete -F _sallyport sallyport
`;
}
