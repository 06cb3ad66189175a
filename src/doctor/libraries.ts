/** Check: the C libraries are there, and which version of each. */

import { basename } from "node:path";
import { libnftablesVersion } from "../native/libnftables.ts";
import { findLibrary, NEEDED_LIBRARIES } from "../native/needed-libraries.ts";
import { libpcapVersion } from "../native/libpcap.ts";
import { OpError } from "../core/errors.ts";
import { type Findings, listed, ok, problem } from "../core/finding.ts";
import { mayAskKernel } from "../native/capabilities.ts";

export interface LibraryFacts {
  readonly name: string;
  readonly packages: string;
  readonly sonames: readonly string[];
  /** Absent: none of the sonames opens. `version` is the library's own account, where it gives one. */
  readonly found?: {
    /** Behind its symbolic links: "/usr/lib/x86_64-linux-gnu/libmnl.so.0.2.0". */
    readonly file: string;
    readonly version?: string;
  };
}

export function readLibraries(): LibraryFacts[] {
  return NEEDED_LIBRARIES.map((library) => {
    const { name, packages, sonames } = library;
    const found = findLibrary(library);
    if (found === undefined) return { name, packages, sonames };
    const version = versionOf(name);
    return {
      name,
      packages,
      sonames,
      found: { file: found.file, ...(version !== undefined && { version }) },
    };
  });
}

/** libnftnl and libmnl have no function that tells it; the name of their file does. */
function versionOf(name: string): string | undefined {
  if (name === "libpcap") return /[\d.]+\d/.exec(libpcapVersion())?.[0];
  if (name !== "libnftables" || !mayAskKernel()) return undefined;
  return unlessRefused(libnftablesVersion);
}

/** A kernel without nfnetlink refuses libnftables its socket; the library is there all the same. */
export function unlessRefused<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof OpError) return undefined;
    throw error;
  }
}

function versionText({ version }: NonNullable<LibraryFacts["found"]>): string {
  return version === undefined ? "" : ` ${version}`;
}

export function checkLibraries(facts: readonly LibraryFacts[]): Findings {
  const there = facts.flatMap(({ name, found }) =>
    found === undefined ? [] : [`${name}${versionText(found)} (${basename(found.file)})`],
  );
  const missing = facts
    .filter(({ found }) => found === undefined)
    .map(({ sonames, packages }) =>
      problem(`${sonames.join(" or ")} is not on this machine`, `install the package ${packages}`),
    );
  return [...missing, ...(there.length > 0 ? [ok(`Found ${listed(there)}`)] : [])];
}
