/** Receives changes that another program made to our table in the kernel. */

import { TableEvents } from "../firewall/events.ts";
import type { PollSet } from "../native/poll-set.ts";
import type { ControlPlaneLink } from "./control-plane-link.ts";
import type { GrantEnds } from "./grant-ends.ts";

export class TableWatch implements Disposable {
  readonly #events = new TableEvents();
  readonly #poll: PollSet;
  readonly #link: ControlPlaneLink;
  /**
   * Events about our own grants carry our socket's id; the control plane's audit recognises its own
   * loads.
   */
  readonly #own: ReadonlySet<number>;

  /** `portId` belongs to the socket of our own grants. */
  constructor(portId: number, poll: PollSet, link: ControlPlaneLink) {
    this.#own = new Set([portId]);
    this.#poll = poll;
    this.#link = link;
    poll.add(this.#events.fd);
  }

  /**
   * Tells the control plane of changes, and `ends` of grants for one connection that another
   * program took away.
   */
  look(ends: GrantEnds): void {
    if (!this.#poll.ready(this.#events.fd)) return;
    if (this.#events.drain(this.#own)) this.#link.tell({ type: "touched" });
    if (this.#events.tookOnce()) ends.taken();
  }

  [Symbol.dispose](): void {
    this.#events[Symbol.dispose]();
  }
}
