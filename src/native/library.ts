/** Opens a C library by soname; when it is missing, names the package that has it. */

import { dlopen } from "bun:ffi";
import type { FFIFunction, Library } from "bun:ffi";
import { messageOf, OpError } from "../core/errors.ts";

/** A library as a distribution ships it. */
export interface SharedLibrary {
  /** Tried in this order: "libpcap.so.0.8". */
  readonly sonames: readonly string[];
  /** The packages to install: "libnftables1 (Debian) or libnftables (Fedora)". */
  readonly packages: string;
}

/**
 * Binds `symbols`; the first soname that opens wins. Throws OpError. When none opens it names the
 * library and the package; when the library is too old, the missing symbol.
 */
export function openLibrary<Symbols extends Record<string, FFIFunction>>(
  library: SharedLibrary,
  symbols: Symbols,
): Library<Symbols> {
  const failures: unknown[] = [];
  for (const soname of library.sonames) {
    try {
      return dlopen(soname, symbols);
    } catch (error) {
      // A missing library is ERR_DLOPEN_FAILED, a missing symbol a TypeError without a code.
      if (error instanceof TypeError) {
        throw new OpError(
          {
            operation: "use",
            object: soname,
            detail: messageOf(error),
            code: 0,
            remedy: `install a newer ${library.packages}`,
          },
          { cause: error },
        );
      }
      failures.push(error);
    }
  }
  throw new OpError(
    {
      operation: "open",
      object: library.sonames.join(" or "),
      detail: messageOf(failures.at(-1)),
      code: 0,
      remedy: `install the package ${library.packages}`,
    },
    { cause: failures.at(-1) },
  );
}
