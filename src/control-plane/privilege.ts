/**
 * Refuses to start without the two capabilities that the work needs, before anything is touched.
 */

import { ExitCode, SallyportError } from "../core/errors.ts";
import { type Capability, effectiveCapabilities } from "../native/capabilities.ts";

const NEEDED: readonly Capability[] = ["CAP_NET_RAW", "CAP_NET_ADMIN"];

export function requirePrivilege(held: ReadonlySet<Capability> = effectiveCapabilities()): void {
  const lacking = NEEDED.filter((capability) => !held.has(capability));
  if (lacking.length === 0) return;
  throw new SallyportError(
    `Cannot guard this machine: the process lacks ${lacking.join(" and ")}: run it as root, ` +
      "or as a user whose service grants both (systemd: AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN)",
    ExitCode.privilege,
  );
}
