/** Check: this process may see everything; if not, the parts that it cannot see. */

import { type Capability, effectiveCapabilities } from "../native/capabilities.ts";
import { type Findings, listed, ok, warning } from "../core/finding.ts";

/** The daemon's capabilities: with them the doctor sees the kernel like the daemon. */
const WANTED: readonly Capability[] = ["CAP_NET_RAW", "CAP_NET_ADMIN"];

export function readPrivileges(): ReadonlySet<Capability> {
  return effectiveCapabilities();
}

export function checkPrivileges(held: ReadonlySet<Capability>): Findings {
  const lacking = WANTED.filter((capability) => !held.has(capability));
  if (lacking.length === 0) return [ok(`Runs with ${listed(WANTED)}`)];
  return [
    warning(
      `Runs without ${listed(lacking)}: started like this, sallyport could not guard, and the doctor sees less`,
      "run sallyport serve and sallyport doctor as root, or serve as the user of its service (sallyport service install)",
    ),
  ];
}
