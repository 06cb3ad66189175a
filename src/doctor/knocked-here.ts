/** The services of this machine that knocks would reach, for `sallyport check`. */

import type { Settings } from "../config/settings.ts";
import { SallyportError } from "../core/errors.ts";
import type { PortRange } from "../core/port.ts";
import { publishedPortsIn } from "../foreign-rules/examine-rules.ts";
import { inKnockRange, knockedServices, knockRanges } from "./services.ts";
import { processNames, readListening } from "./sockets.ts";

/**
 * One sentence each. Without root, other tables and the names of others' processes are left out.
 */
export function knockedHere(settings: Settings): string[] {
  const sockets = readListening();
  const inodes = new Set(inKnockRange({ settings, sockets }).map(({ socket }) => socket.inode));
  const names = processNames(inodes);
  const publishedInRange = tryPublished(knockRanges(settings));
  return knockedServices({ settings, sockets, names, publishedInRange }).map(
    ({ sentence, remedy }) => `${sentence}: ${remedy}`,
  );
}

/** A configuration can be checked where nftables is not installed. */
function tryPublished(ranges: readonly PortRange[]): PortRange[] {
  try {
    return publishedPortsIn(ranges);
  } catch (error) {
    if (error instanceof SallyportError) return [];
    throw error;
  }
}
