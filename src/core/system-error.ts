/** The names of system errors ("ENOENT") in any error of the runtime. */

/** The code of an error of files, sockets or SQLite; undefined for one without. */
export function codeOf(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

/**
 * The same for a message: the class of an error without a code. Never its own message, which
 * quotes.
 */
export function errnoOf(thrown: unknown): string {
  return codeOf(thrown) ?? (thrown instanceof Error ? thrown.name : "unknown error");
}

/**
 * The errno of an error of `node:fs`, which carries it as a negative number; 0 for other errors.
 */
export function errnoNumber(thrown: unknown): number {
  const errno = (thrown as { errno?: unknown } | null | undefined)?.errno;
  return typeof errno === "number" ? Math.abs(errno) : 0;
}

/** What helps where the machine or this process has no room, whatever the call was; undefined for other errors. */
const SHORTAGE_REMEDIES: Readonly<Record<string, string>> = {
  EMFILE: "raise the limit of open files to 1024 (systemd: LimitNOFILE=1024, else ulimit -n 1024)",
  ENFILE: "end the program that has so many files open (fs.file-max)",
  ENOMEM: "make room in the memory",
};

export function shortageRemedy(code: string): string | undefined {
  return SHORTAGE_REMEDIES[code];
}

/** What a disk that takes nothing is called for people, with the remedy, by the error. */
const DISK_STATES: Readonly<Record<string, { readonly state: string; readonly remedy: string }>> = {
  ENOSPC: { state: "the disk is full", remedy: "make room" },
  EDQUOT: { state: "the disk quota is used up", remedy: "make room" },
  EROFS: { state: "the file system is read-only", remedy: "make it writable" },
  EIO: { state: "the disk reports an error", remedy: "check the disk" },
};

/** Undefined for errors that are not the disk's. */
export function diskState(
  code: string,
): { readonly state: string; readonly remedy: string } | undefined {
  return DISK_STATES[code];
}
