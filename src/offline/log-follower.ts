/** Follows the audit log for `sallyport log -f`. */

import { type FSWatcher, watch } from "node:fs";
import { isHungUp } from "../native/hang-up.ts";
import type { AuditEntry, AuditFilter } from "../store/audit-query.ts";
import { AuditTail } from "../store/audit-tail.ts";
import { tell, type ToldEntry } from "../control-plane/audit-access.ts";

/** Looking more often would only busy the disk: the daemon writes at most five times a second. */
const LEAST_MS = 100;

/**
 * The pause without a sign of change: to see whether the reader is still there, and for file
 * systems that give no signs.
 */
const MOST_MS = 1_000;

/**
 * Entries to show, or the trouble that keeps others from being read, once for each lasting trouble.
 */
export type Followed = { readonly entries: readonly ToldEntry[] } | { readonly trouble: string };

/** Entries handed on at a time. */
const LOT = 1_000;

export interface FollowOptions {
  /** The entries of the past to show. */
  readonly before: AuditFilter;
  /** The entries from now on to show. */
  readonly after: AuditFilter;
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** The descriptor they are shown on: when nobody reads it any more, this ends. */
  readonly output: number;
}

/**
 * Throws a SallyportError where there is no log at the beginning, or none that this user may read.
 */
export async function* followAudit(
  stateDir: string,
  { before, after, nowMs, output }: FollowOptions,
): AsyncGenerator<Followed, void> {
  using tail = new AuditTail(stateDir, nowMs);
  using changes = new Changes(stateDir);
  yield* lots(tail.before(before));
  let trouble: string | undefined;
  let told: string | undefined;
  while (!isHungUp(output)) {
    for (const entries of tail.more(after)) yield { entries: entries.map(tell) };
    // A file that is being rotated is missing for a moment: trouble seen twice is real.
    if (tail.trouble !== undefined && tail.trouble === trouble && trouble !== told) {
      told = trouble;
      yield { trouble };
    }
    trouble = tail.trouble;
    if (trouble === undefined) told = undefined;
    await changes.next();
  }
}

function* lots(entries: Iterable<AuditEntry>): Generator<Followed> {
  let lot: ToldEntry[] = [];
  for (const entry of entries) {
    lot.push(tell(entry));
    if (lot.length < LOT) continue;
    yield { entries: lot };
    lot = [];
  }
  if (lot.length > 0) yield { entries: lot };
}

/** Signs that something in a folder changed. */
class Changes implements Disposable {
  readonly #watcher: FSWatcher | undefined;
  #changed = false;
  #wake = () => {};

  constructor(folder: string) {
    try {
      this.#watcher = watch(folder, () => {
        this.#changed = true;
        this.#wake();
      });
      // The folder may go away, or the kernel may have no watches left: the regular look remains.
      this.#watcher.on("error", () => {});
    } catch {
      this.#watcher = undefined;
    }
  }

  /** Resolves after a change since the last call, but not at once, or after a while. */
  async next(): Promise<void> {
    await Bun.sleep(LEAST_MS);
    if (!this.#changed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, MOST_MS - LEAST_MS);
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
    }
    this.#changed = false;
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
  }
}
