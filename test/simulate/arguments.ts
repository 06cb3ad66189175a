/** The command line of scripts/simulate. A mistake in it ends the process with one sentence. */

import { parseArgs, type ParseArgsConfig } from "node:util";

function refuse(sentence: string): never {
  console.error(`scripts/simulate: ${sentence}: see scripts/simulate --help`);
  process.exit(64);
}

export function readOptions<T extends NonNullable<ParseArgsConfig["options"]>>(options: T) {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}

/** The number, from 0 on, that an option holds. */
export function numberOf(option: string, text: string): number {
  const number = text.trim() === "" ? NaN : Number(text);
  if (number >= 0) return number;
  return refuse(`--${option} "${text}" is no number from 0 on`);
}
