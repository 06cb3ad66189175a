/** An option given twice is refused: its second value would silently take the place of the first. */

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
      // Its "--no-" form leaves false.
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
