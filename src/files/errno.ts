/** The errno name of a failed file operation. */

/** "ENOENT", "EACCES" …; the class of the error where it has no code. Never its message, which quotes. */
export function errnoOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === "string") return code;
  return error instanceof Error ? error.name : "unknown error";
}
