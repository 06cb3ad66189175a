/** Every measure, in the order of the table. */

import type { Measure } from "./measure.ts";
import { timeToOpen } from "./measures/b01-time-to-open.ts";

export const MEASURES: readonly Measure[] = [timeToOpen];
