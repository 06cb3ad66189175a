/** Functions of a C library that the system's loader finds by its name. */

import { dlopen } from "bun:ffi";
import type { FFIFunction, Library } from "bun:ffi";
import { messageOf, OpError } from "../core/errors.ts";

/** Calls are compiled while the program runs, which needs memory that may be written and run. */
const NO_MEMORY_FOR_CALLS = "requires the JIT";

/** What failed, and what helps. A missing symbol is a TypeError, a missing library ERR_DLOPEN_FAILED. */
function remedyFor(error: unknown, detail: string, packages: string) {
  if (detail.includes(NO_MEMORY_FOR_CALLS)) {
    return [
      "use",
      "let this process have memory that it may write and run: without ulimit -v and MemoryDenyWriteExecute=, and with execmem in SELinux",
    ] as const;
  }
  if (error instanceof TypeError) return ["use", `install a newer ${packages}`] as const;
  return ["open", `install the package ${packages}`] as const;
}

/**
 * Binds `symbols` of a library that is open already, or that the loader is known to find: what it does not
 * find, Bun takes from the current folder, where anybody may have put it. Throws OpError.
 */
export function bindLibrary<Symbols extends Record<string, FFIFunction>>(
  soname: string,
  packages: string,
  symbols: Symbols,
): Library<Symbols> {
  try {
    return dlopen(soname, symbols);
  } catch (error) {
    const detail = messageOf(error);
    const [operation, remedy] = remedyFor(error, detail, packages);
    throw new OpError({ operation, object: soname, detail, code: 0, remedy }, { cause: error });
  }
}
