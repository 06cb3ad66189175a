/** Reads a file under a name that another user may change at any moment. */

import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { errnoOf } from "../core/system-error.ts";

/**
 * O_NOFOLLOW refuses a symbolic link; O_NONBLOCK keeps a named pipe or a lease from holding us up.
 */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Ten times the keys of a hundred thousand devices; a sparse file of a terabyte would take all
 * memory.
 */
const MOST_BYTES = 256 << 20;

function open(file: string): number | undefined {
  try {
    return openSync(file, READ);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT") return undefined;
    if (code === "ELOOP") {
      throw new SallyportError(
        `Cannot trust ${file}: it is a symbolic link: put the file itself there`,
        ExitCode.config,
      );
    }
    // ENXIO: a socket.
    if (code === "ENXIO") throw notRegular(file);
    throw new SallyportError(
      `Cannot read ${file}: ${code}: run as root or as the user that owns it`,
      code === "EACCES" ? ExitCode.privilege : ExitCode.config,
    );
  }
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

/**
 * The text of a regular file, undefined when it does not exist. `check` receives the facts about
 * the open file, which its name may no longer lead to, and throws where it does not trust them.
 * Throws SallyportError (exit 78) for a link, a pipe and everything else that is not a regular
 * file.
 */
export function readRegularFile(
  file: string,
  check: (stat: Stats) => void = () => {},
): string | undefined {
  const fd = open(file);
  if (fd === undefined) return undefined;
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw notRegular(file);
    check(stat);
    if (stat.size > MOST_BYTES) {
      throw new SallyportError(
        `Cannot read ${file}: it has ${stat.size} bytes: this is no file of sallyport, take it away`,
        ExitCode.config,
      );
    }
    return readTo(fd, stat.size).toString("utf8");
  } finally {
    closeSync(fd);
  }
}
