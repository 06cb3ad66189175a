/** The names of system errors ("ENOENT"), from whatever the runtime threw. */

/** The code of an error of files, sockets or SQLite; undefined for one without. */
export function codeOf(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

/** The same for a message: the class of the error where it has no code. Never its own message, which quotes. */
export function errnoOf(thrown: unknown): string {
  return codeOf(thrown) ?? (thrown instanceof Error ? thrown.name : "unknown error");
}

/** The errno of a call of `node:fs`, which carries it negative; 0 for what has none. */
export function errnoNumber(thrown: unknown): number {
  const errno = (thrown as { errno?: unknown } | null | undefined)?.errno;
  return typeof errno === "number" ? Math.abs(errno) : 0;
}
