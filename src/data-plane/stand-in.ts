/** The capture on every interface that stands in where no capture on a configured one can be opened. */

/** The interface that is all of them. */
export const EVERY_INTERFACE = "any";

/** What to tell while it stands in. */
export function describeStandIn(missing: readonly string[]): string {
  return `There is no ${missing.join(" and no ")} that is up: rotating knocks are heard on every interface until there is: correct server.interfaces if it was renamed`;
}
