/** The entry of the data plane's thread. */

import { workerData } from "node:worker_threads";
import { preciseClock } from "../native/precise-clock.ts";
import { tellFailure } from "./control-plane-link.ts";
import { DataPlane } from "./data-plane.ts";
import type { DataPlaneStart } from "./messages.ts";

const start = workerData as DataPlaneStart;

try {
  new DataPlane(start, preciseClock()).run();
} catch (error) {
  tellFailure(start.port, error);
}
start.port.close();
