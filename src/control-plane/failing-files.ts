/** The files of the state folder that cannot be written now: readiness is red until the last of them can. */

import type { StoreNotice } from "../store/state-file.ts";
import type { Readiness } from "./readiness.ts";

export class FailingFiles {
  readonly #readiness: Pick<Readiness, "set" | "clear">;
  /** The sentence of each. */
  readonly #failing = new Map<string, string>();

  constructor(readiness: Pick<Readiness, "set" | "clear">) {
    this.#readiness = readiness;
  }

  hear({ state, file, message }: StoreNotice): void {
    if (state === "failing") this.#failing.set(file, message);
    else if (state === "working") this.#failing.delete(file);
    if (this.#failing.size === 0) this.#readiness.clear("state");
    else this.#readiness.set("state", [...this.#failing.values()].join("\n"));
  }
}
