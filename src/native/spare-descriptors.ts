/** Descriptors kept back for work that must not fail because others have taken all the rest. */

import { closeSync, openSync } from "node:fs";

/** More than one run of nft, its sockets and the files it reads take at a time. */
const COUNT = 16;

const kept: number[] = [];
let depth = 0;

function keep(): void {
  try {
    while (kept.length < COUNT) kept.push(openSync("/dev/null", "r"));
  } catch {
    // Somebody was faster; the next work takes back what is free by then.
  }
}

/**
 * Runs synchronous `work` with at least 16 descriptors free, once it has been called before. Connections
 * to our listeners are accepted by this same thread, so that nobody outside can take them in between.
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
