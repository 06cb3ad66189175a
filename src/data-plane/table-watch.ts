/** Receives changes that other programs made to tables in the kernel, above all to ours. */

import type { TableEvents } from "../firewall/events.ts";
import type { Polled } from "../native/poll-set.ts";
import type { ControlPlaneLink } from "./control-plane-link.ts";
import type { GrantTraffic } from "./grant-traffic.ts";

/** Changes of tables, as the kernel reports them. */
export type TableChanges = Pick<TableEvents, "fd" | "drain" | "tookOnce" | "others"> & Disposable;

export class TableWatch implements Disposable {
  readonly #events: TableChanges;
  readonly #poll: Polled;
  readonly #link: Pick<ControlPlaneLink, "tell">;
  /**
   * Events about our own grants carry our socket's id; the control plane's audit recognises its own
   * loads.
   */
  readonly #own: ReadonlySet<number>;

  /** Closes `events` at its own end; `portId` belongs to the socket of our own grants. */
  constructor(
    events: TableChanges,
    portId: number,
    poll: Polled,
    link: Pick<ControlPlaneLink, "tell">,
  ) {
    this.#events = events;
    this.#own = new Set([portId]);
    this.#poll = poll;
    this.#link = link;
    poll.add(events.fd);
  }

  /**
   * Tells the control plane of changes, and `traffic` of grants for one connection that another
   * program took away.
   */
  look(traffic: Pick<GrantTraffic, "taken">): void {
    if (!this.#poll.ready(this.#events.fd)) return;
    if (this.#events.drain(this.#own)) this.#link.tell({ type: "touched" });
    if (this.#events.others()) this.#link.tell({ type: "others" });
    if (this.#events.tookOnce()) traffic.taken();
  }

  [Symbol.dispose](): void {
    this.#events[Symbol.dispose]();
  }
}
