/** A text file that the state folder may refuse: told once when it does, and once when it takes it. */

import type { StoreNotice } from "../store/state-file.ts";

export class RefusedFile {
  readonly #report: (notice: StoreNotice) => void;
  #refused = false;

  constructor(report: (notice: StoreNotice) => void) {
    this.#report = report;
  }

  /** `refusal` is a sentence; undefined where the file is as it should be. */
  hear(file: string, refusal: string | undefined): void {
    const refused = refusal !== undefined;
    if (refused === this.#refused) return;
    this.#refused = refused;
    this.#report(
      refused
        ? { state: "failing", file, message: refusal }
        : { state: "working", file, message: `${file} is written again` },
    );
  }
}
