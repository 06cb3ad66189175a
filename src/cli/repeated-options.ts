/**
 * An option given twice is refused, and one beside its "--no-" form: the second would silently take the place of the
 * first.
 */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { ExitCode, SallyportError } from "../core/errors.ts";

/**
 * Makes a command, called `name` in the sentence, throw a SallyportError (usage) where an option
 * with one value is given twice. Options that may be repeated are variadic, or have a list as their
 * default; switches may be repeated as well, since a second one changes nothing.
 */
export function refuseRepeated(command: CommandUnknownOpts, name: string): void {
  for (const option of command.options) {
    const takesOne = option.required || option.optional;
    if (!takesOne || option.variadic || Array.isArray(option.defaultValue)) continue;
    const read: (text: string, before: unknown) => unknown = option.parseArg ?? ((text) => text);
    option.argParser<unknown>((text, before) => {
      const key = option.attributeName();
      // Its "--no-" form leaves false, and is refused for what it is.
      if (command.getOptionValueSource(key) === "cli" && command.getOptionValue(key) !== false) {
        throw new SallyportError(
          `Cannot run "${name}": ${option.long ?? option.short} is given twice: give it once`,
          ExitCode.usage,
        );
      }
      return read(text, before);
    });
  }
}

/** The sentence for two options of a command that exclude each other. */
export function cannotBoth(name: string, one: string, other: string): string {
  return `Cannot run "${name}": ${one} cannot be used with ${other}: give one of them`;
}

/** Makes a command throw a SallyportError (usage) where an option is given and its "--no-" form as well. */
export function refuseOpposites(command: CommandUnknownOpts, name: string): void {
  for (const no of command.options.filter(({ negate }) => negate)) {
    const key = no.attributeName();
    const yes = command.options.find((one) => !one.negate && one.attributeName() === key);
    if (yes === undefined) continue;
    const given = new Set<string>();
    for (const option of [yes, no]) {
      command.on(`option:${option.name()}`, () => {
        if (given.add(option.name()).size < 2) return;
        throw new SallyportError(cannotBoth(name, yes.long!, no.long!), ExitCode.usage);
      });
    }
  }
}
