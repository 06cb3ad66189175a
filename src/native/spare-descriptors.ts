/** Descriptors reserved for work that must not fail because others have taken the rest. */

import { closeSync, openSync } from "node:fs";

/** More than one run of nft needs at a time, its sockets and its files, and those of runs before that are closed later. */
const COUNT = 28;

const kept: number[] = [];
let depth = 0;

function keep(): void {
  try {
    while (kept.length < COUNT) kept.push(openSync("/dev/null", "r"));
  } catch {
    // Another program was faster; the next call takes back the descriptors that are free by then.
  }
}

/**
 * Runs synchronous `work` with 28 descriptors free, from the second call on; what it keeps open is missing until it is
 * closed in here, too. The same
 * thread accepts connections to our listeners, so that nobody outside can take the descriptors in
 * between.
 */
export function withSpareDescriptors<T>(work: () => T): T {
  if (depth === 0) for (const fd of kept.splice(0)) closeSync(fd);
  depth++;
  try {
    return work();
  } finally {
    depth--;
    if (depth === 0) keep();
  }
}
