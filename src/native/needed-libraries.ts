/** The C libraries this program opens, and where each was found. */

import { readFileSync, realpathSync } from "node:fs";
import type { SharedLibrary } from "./library.ts";
import { load } from "./loader.ts";

export interface NeededLibrary extends SharedLibrary {
  readonly name: string;
}

export const NEEDED_LIBRARIES: readonly NeededLibrary[] = [
  {
    name: "libpcap",
    sonames: ["libpcap.so.1", "libpcap.so.0.8"],
    packages: "libpcap0.8 (Debian, Ubuntu) or libpcap (Fedora, Arch, Alpine)",
  },
  {
    name: "libnftables",
    sonames: ["libnftables.so.1"],
    packages: "libnftables1 (Debian, Ubuntu) or nftables (Fedora, Alpine, Arch)",
  },
  {
    name: "libnftnl",
    sonames: ["libnftnl.so.11"],
    packages: "libnftnl11 (Debian, Ubuntu) or libnftnl (Fedora, Alpine, Arch)",
  },
  {
    name: "libmnl",
    sonames: ["libmnl.so.0"],
    packages: "libmnl0 (Debian, Ubuntu) or libmnl (Fedora, Alpine, Arch)",
  },
];

export interface FoundLibrary {
  readonly soname: string;
  /** Behind its symbolic links: "/usr/lib/x86_64-linux-gnu/libmnl.so.0.2.0". */
  readonly file: string;
}

/**
 * Opens the first of the sonames that can be opened (it stays open), and returns the file it came
 * from.
 */
export function findLibrary({ sonames }: SharedLibrary): FoundLibrary | undefined {
  for (const soname of sonames) {
    if (load(soname) === true) return { soname, file: mappedFile(soname) };
  }
  return undefined;
}

/** The file of an open library: only the loader knows where it looked. */
function mappedFile(soname: string): string {
  const stem = soname.replace(/\.so.*$/, ".so");
  for (const line of mappings().split("\n")) {
    const path = line.slice(line.indexOf("/"));
    if (line.includes("/") && path.split("/").at(-1)!.startsWith(stem)) return realpath(path);
  }
  return soname;
}

function mappings(): string {
  try {
    return readFileSync("/proc/self/maps", "utf8");
  } catch {
    return ""; // no descriptor is free, or there is no /proc
  }
}

function realpath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path; // deleted by an upgrade since it was opened
  }
}
