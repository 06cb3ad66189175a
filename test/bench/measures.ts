/** Every measure, in the order of the table. */

import type { Measure } from "./measure.ts";
import { timeToOpen } from "./measures/b01-time-to-open.ts";
import { underFlood } from "./measures/b02-under-flood.ts";
import { worstFloods } from "./measures/b03-worst-floods.ts";
import { cpuPerPacket } from "./measures/b04-cpu-per-packet.ts";
import { crowds } from "./measures/b05-crowd.ts";
import { manyUsers } from "./measures/b06-users.ts";
import { manyGrants } from "./measures/b07-grants.ts";
import { manyDoors } from "./measures/b08-doors.ts";
import { memory } from "./measures/b09-memory.ts";
import { idle } from "./measures/b10-idle.ts";
import { growth } from "./measures/b11-growth.ts";

export const MEASURES: readonly Measure[] = [
  timeToOpen,
  underFlood,
  worstFloods,
  cpuPerPacket,
  crowds,
  manyUsers,
  manyGrants,
  manyDoors,
  memory,
  idle,
  growth,
];
