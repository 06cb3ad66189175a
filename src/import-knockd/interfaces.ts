/** The interfaces where knockd listened, and where sallyport must listen. */

import type { Setting } from "./read-file.ts";
import { different, not, type Remark, same } from "./verdicts.ts";

export interface Interfaces {
  /** Undefined: all interfaces. */
  readonly names: readonly string[] | undefined;
  /** Remarks on the lines of the file. */
  readonly remarks: readonly { readonly line: number; readonly remark: Remark }[];
}

/**
 * The names that sallyport accepts: IFNAMSIZ less its NUL, without those that the kernel refuses.
 */
function isName(name: string): boolean {
  return /^[^/:\s]{1,15}$/.test(name) && name !== "." && name !== "..";
}

/**
 * The names in one value: one, or a list as some variants of knockd accept it; an alias is its
 * interface.
 */
function namesIn(value: string): string[] {
  return [...new Set(value.split(/[\s,]+/).map((name) => name.replace(/:.*/, "")))].filter(
    (name) => name !== "",
  );
}

/** The option `-i` takes precedence over the file, in which the first line counts. */
export function interfacesOf(settings: readonly Setting[], option: string | undefined): Interfaces {
  const [first, ...later] = settings;
  const remarks = later.map(({ line }) => ({
    line,
    remark: same(`line ${first!.line} counts, as in knockd`),
  }));
  if (first !== undefined && option !== undefined) {
    remarks.unshift({
      line: first.line,
      remark: same(`-i ${option} goes before it, as in knockd`),
    });
  }
  const value = option ?? first?.value;
  if (value === undefined) return { names: undefined, remarks };
  const names = namesIn(value);
  const told = (remark: Remark) => {
    if (option === undefined && first !== undefined) remarks.unshift({ line: first.line, remark });
  };
  if (names.length === 0 || !names.every(isName)) {
    told(not("it is no interface: sallyport listens on all of them"));
    return { names: undefined, remarks };
  }
  if (names.includes("any")) {
    told(names.length === 1 ? same('interfaces = ["any"]') : different('"any" holds the others'));
    return { names: ["any"], remarks };
  }
  const written = names.map((name) => `"${name}"`).join(", ");
  told(
    value === names[0] || names.length > 1
      ? same(`interfaces = [${written}]`)
      : different(`interfaces = [${written}]`),
  );
  return { names, remarks };
}
