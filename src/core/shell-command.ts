/** Commands as people paste them into a shell: a path with a blank stays one word. */

/** Words that no POSIX shell changes; "~" and "=" may be read at their beginning alone. */
const PLAIN = /^[\p{L}\p{N}_@%+:,./-][\p{L}\p{N}_@%+:,./=~-]*$/u;

/** One word of a command line: as it is where that is safe, else in single quotes. */
export function shellWord(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** A command line that a shell parts into exactly these words. */
export function shellCommand(argv: readonly string[]): string {
  return argv.map(shellWord).join(" ");
}
