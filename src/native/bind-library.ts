/** Functions of a C library that the system's loader finds by its name. */

import { dlopen } from "bun:ffi";
import type { FFIFunction, Library } from "bun:ffi";
import { messageOf, OpError } from "../core/errors.ts";

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
    // A missing symbol is a TypeError, a missing library ERR_DLOPEN_FAILED.
    const [operation, remedy] =
      error instanceof TypeError
        ? (["use", `install a newer ${packages}`] as const)
        : (["open", `install the package ${packages}`] as const);
    throw new OpError(
      { operation, object: soname, detail: messageOf(error), code: 0, remedy },
      { cause: error },
    );
  }
}
