/** Capabilities that a file gives to the process that runs it (capabilities(7), setcap(8)). */

import { Errno } from "./errno.ts";
import { libcCalls } from "./libc-calls.ts";
import { cString, errno, failure } from "./libc.ts";

/** linux/xattr.h: XATTR_NAME_CAPS */
const XATTR_NAME_CAPS = "security.capability";
/** asm-generic/errno.h; the error for a file without the attribute */
const ENODATA = 61;

/**
 * Whether the file carries any. False where its file system stores none. Throws OpError when the
 * kernel refuses to tell.
 */
export function hasFileCapabilities(path: string): boolean {
  const name = cString(path);
  const attribute = cString(XATTR_NAME_CAPS);
  if (libcCalls().getxattr(name, attribute, null, 0) >= 0) return true;
  const code = errno();
  if (code === ENODATA || code === Errno.EOPNOTSUPP) return false;
  throw failure(code, {
    operation: "read the capabilities of",
    object: path,
    remedy: "run as root",
  });
}
