/** Follows the audit log for `sallyport log -f`. */

import { type FSWatcher, watch } from "node:fs";
import { isHungUp } from "../native/hang-up.ts";
import type { AuditEntry, AuditFilter } from "../store/audit-query.ts";
import { AuditTail } from "../store/audit-tail.ts";
import { tell, type ToldEntry } from "../control-plane/audit-access.ts";

/** Looks closer together than that would only busy the disk: the daemon writes five times a second at most. */
const LEAST_MS = 100;

/** A look without a sign of change: whether the reader is still there, and for file systems that give no signs. */
const MOST_MS = 1_000;

/** Entries to show, or what keeps others from being read, once for each reason that lasts. */
export type Followed = { readonly entries: readonly ToldEntry[] } | { readonly trouble: string };

/** Entries handed on at a time. */
const LOT = 1_000;

export interface FollowOptions {
  /** What is to be shown of the past. */
  readonly before: AuditFilter;
  /** What is to be shown from now on. */
  readonly after: AuditFilter;
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** Where it is shown: when nobody reads there any more, this ends. */
  readonly output: number;
}

/** Throws a SallyportError where there is no log to begin with, or none that this user may read. */
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
    // A file that is put aside is missing for a moment: what two looks find lasts.
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
      // A folder that goes away, or a kernel without watches left: looking now and then remains.
      this.#watcher.on("error", () => {});
    } catch {
      this.#watcher = undefined;
    }
  }

  /** Resolves after a change since the last call, not at once, or after a while. */
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
