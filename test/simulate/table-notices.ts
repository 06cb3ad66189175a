/** What the kernel tells the data plane of changes to our table, until that looks. */

import type { TableChanges } from "../../src/data-plane/table-watch.ts";

const FD = 1_000_001;

interface Notice {
  /** The socket that made the change. */
  readonly origin: number;
  readonly tookOnce: boolean;
}

export class TableNotices {
  readonly #waiting: Notice[] = [];

  add(notice: Notice): void {
    this.#waiting.push(notice);
  }

  /** As poll(2) says it. */
  isReady(fd: number): boolean {
    return fd === FD && this.#waiting.length > 0;
  }

  /** The end at which they are read. */
  open(): TableChanges {
    let tookOnce = false;
    return {
      fd: FD,
      drain: (own) => {
        const changes = this.#waiting.splice(0).filter(({ origin }) => !own.has(origin));
        tookOnce ||= changes.some((change) => change.tookOnce);
        return changes.length > 0;
      },
      tookOnce: () => {
        const took = tookOnce;
        tookOnce = false;
        return took;
      },
      others: () => false,
      [Symbol.dispose]: () => {},
    };
  }
}
