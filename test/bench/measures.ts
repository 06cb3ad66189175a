/** Every measure, in the order of the table. */

import type { Measure } from "./measure.ts";
import { timeToOpen } from "./measures/b01-time-to-open.ts";
import { underFlood } from "./measures/b02-under-flood.ts";
import { worstFloods } from "./measures/b03-worst-floods.ts";
import { cpuPerPacket } from "./measures/b04-cpu-per-packet.ts";

export const MEASURES: readonly Measure[] = [timeToOpen, underFlood, worstFloods, cpuPerPacket];
