/** Work with files as a user who owns none of them. */

import { dlopen } from "bun:ffi";

const ROOT = 0;
const NOBODY = 65_534;

/**
 * Does the work with the rights of nobody over files, where the caller is root; it must be done when it returns. Of this
 * thread only: seteuid() is of all threads, and the C library ends a process of which one thread may not
 * (nptl/nptl_setxid.c), as one that has given up its privileges.
 */
export function asNobody<T>(work: () => T): T {
  if (process.geteuid!() !== ROOT) return work();
  const libc = dlopen("libc.so.6", { setfsuid: { args: ["u32"], returns: "i32" } });
  libc.symbols.setfsuid(NOBODY);
  try {
    return work();
  } finally {
    libc.symbols.setfsuid(ROOT);
    libc.close();
  }
}
