/** How this program starts itself again. */

/** The first words of a command line: the executable, or Bun and the entry file when run from source. */
export function selfCommand(): string[] {
  return Bun.main.startsWith("/$bunfs/") ? [process.execPath] : [process.execPath, Bun.main];
}
