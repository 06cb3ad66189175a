/** Writes a line of the log for every event. */

import type { DaemonEvent } from "../core/events.ts";
import type { EventListener } from "./event-listener.ts";
import { describeEvent, log } from "./log.ts";

/** Grants kept over a start that get a line each; the line about the start counts them all. */
const MOST_KEPT_TOLD = 20;

export class EventLog implements EventListener {
  #kept = 0;

  hear(event: DaemonEvent): void {
    if (event.type === "grant.restored" && ++this.#kept > MOST_KEPT_TOLD) return;
    const { level, sentence } = describeEvent(event);
    log(level, sentence);
  }
}
