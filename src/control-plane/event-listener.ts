/** A part that receives every event. */

import type { DaemonEvent } from "../core/events.ts";

export interface EventListener {
  hear(event: DaemonEvent): void;
}

/** Passes every event on to each of the listeners, in their order. */
export function toEach(listeners: () => readonly EventListener[]): EventListener {
  return {
    hear: (event) => {
      for (const listener of listeners()) listener.hear(event);
    },
  };
}
