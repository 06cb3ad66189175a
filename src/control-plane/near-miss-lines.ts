/** Writes a line of the log for each source that came close to opening a door and stopped. */

import { messageOf } from "../core/errors.ts";
import type { Explainer } from "./explain/explainer.ts";
import { log } from "./log.ts";
import type { Readiness } from "./readiness.ts";

/** Returns whether there may be more of them. Does not reject: an explanation that fails harms nobody. */
export async function tellNearMisses(explainer: Explainer, readiness: Readiness): Promise<boolean> {
  try {
    return await explainer.look((sentence) => log("info", sentence));
  } catch (error) {
    if (!readiness.has("stopping")) log("error", messageOf(error));
    return false;
  }
}
