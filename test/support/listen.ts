/** Both listeners of the API for a test, like the daemon's, but failing where one cannot listen. */

import type { Control } from "../../src/api/control.ts";
import { type HealthAt, listenForControl, listenForHealth } from "../../src/api/listen.ts";

export interface BothListening {
  /** "http://127.0.0.1:7878/" */
  readonly url: string;
  readonly socket: string;
  stop(): void;
}

export async function listen(
  control: Control,
  at: { readonly listen: HealthAt; readonly socket: string },
): Promise<BothListening> {
  const health = listenForHealth(control, at.listen);
  try {
    const unix = await listenForControl(control, at.socket);
    return {
      url: health.place,
      socket: unix.place,
      stop: () => {
        health.stop();
        unix.stop();
      },
    };
  } catch (error) {
    health.stop();
    throw error;
  }
}
