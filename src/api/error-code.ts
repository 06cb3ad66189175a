/** Names of system errors ("ENOENT"), from whatever the runtime threw. */

export function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
