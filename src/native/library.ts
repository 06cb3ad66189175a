/** Opens a C library by soname; when it is missing, names the package that has it. */

import type { FFIFunction, Library } from "bun:ffi";
import { OpError } from "../core/errors.ts";
import { bindLibrary } from "./bind-library.ts";
import { load } from "./loader.ts";

/** A library as a distribution ships it. */
export interface SharedLibrary {
  /** Tried in this order: "libpcap.so.0.8". */
  readonly sonames: readonly string[];
  /** The packages to install: "libnftables1 (Debian) or libnftables (Fedora)". */
  readonly packages: string;
}

/**
 * Binds `symbols`; the first soname that the system's loader opens wins, and no other folder is searched. Throws
 * OpError. When none opens it names the library and the package; when the library is too old, the missing symbol.
 */
export function openLibrary<Symbols extends Record<string, FFIFunction>>(
  { sonames, packages }: SharedLibrary,
  symbols: Symbols,
): Library<Symbols> {
  let failure = "";
  for (const soname of sonames) {
    const loaded = load(soname);
    if (loaded === true) return bindLibrary(soname, packages, symbols);
    failure = loaded;
  }
  throw new OpError({
    operation: "open",
    object: sonames.join(" or "),
    detail: failure,
    code: 0,
    remedy: `install the package ${packages}`,
  });
}
