/** Reads a file under a name that another user may change at any moment. */

import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { describeInTheWay } from "./in-the-way.ts";
import { errnoOf, shortageRemedy } from "../core/system-error.ts";

/**
 * O_NOFOLLOW refuses a symbolic link; O_NONBLOCK keeps a named pipe or a lease from holding us up.
 */
const SAFELY = constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Ten times the keys of a hundred thousand devices; a sparse file of a terabyte would take all
 * memory.
 */
const MOST_BYTES = 256 << 20;

function refused(file: string, error: unknown): SallyportError {
  const code = errnoOf(error);
  if (code === "ENOTDIR") {
    const { state, remedy } = describeInTheWay(file);
    return new SallyportError(`Cannot read ${file}: ${state}: ${remedy}`, ExitCode.config);
  }
  return new SallyportError(
    `Cannot read ${file}: ${code}: ${shortageRemedy(code) ?? "run as root or as the user that owns it"}`,
    code === "EACCES" ? ExitCode.privilege : ExitCode.config,
  );
}

function notRegular(file: string): SallyportError {
  return new SallyportError(
    `Cannot trust ${file}: it is not a regular file: take it away`,
    ExitCode.config,
  );
}

/** The bytes up to the size that the file had when it was opened. */
function readTo(fd: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let at = 0;
  while (at < size) {
    const got = readSync(fd, bytes, at, size - at, at);
    if (got === 0) break;
    at += got;
  }
  return bytes.subarray(0, at);
}

type Check = (stat: Stats) => void;

/**
 * Opens a regular file; one that O_CREAT makes has mode 0600. `check` receives the facts about the open file, which its
 * name may no longer lead to, and throws where it does not trust them. Throws SallyportError (exit 78) for a link, a pipe
 * and everything else that is not a regular file, and the other errors of open(2) as they are. The caller closes it.
 */
export function openRegularFile(file: string, flags: number, check: Check): number {
  let fd: number;
  try {
    fd = openSync(file, flags | SAFELY, 0o600);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ELOOP") {
      throw new SallyportError(
        `Cannot trust ${file}: it is a symbolic link: put the file itself there`,
        ExitCode.config,
      );
    }
    // ENXIO: a socket.
    throw code === "ENXIO" ? notRegular(file) : error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw notRegular(file);
    check(stat);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * The text of a regular file, undefined when it does not exist; `check` as for `openRegularFile`. Throws SallyportError.
 */
export function readRegularFile(file: string, check: Check = () => {}): string | undefined {
  let fd: number;
  try {
    fd = openRegularFile(file, constants.O_RDONLY, check);
  } catch (error) {
    if (error instanceof SallyportError) throw error;
    if (errnoOf(error) === "ENOENT") return undefined;
    throw refused(file, error);
  }
  try {
    const { size } = fstatSync(fd);
    if (size > MOST_BYTES) {
      throw new SallyportError(
        `Cannot read ${file}: it has ${size} bytes: this is no file of sallyport, take it away`,
        ExitCode.config,
      );
    }
    return readTo(fd, size).toString("utf8");
  } finally {
    closeSync(fd);
  }
}
