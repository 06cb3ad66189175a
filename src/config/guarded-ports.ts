/** The ports that a configuration guards. */

import type { PortRange } from "../core/port.ts";
import type { Settings } from "./settings.ts";

/** In the order of the file; a range that two doors open occurs twice. */
export function guardedPorts(settings: Settings): PortRange[] {
  return settings.doors.flatMap(({ opens }) => opens);
}
