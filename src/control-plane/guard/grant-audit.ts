/**
 * Checks whether the kernel holds the grants it should, on the thread that has time: comparing
 * sixty thousand elements takes a second. The data plane is told only of the missing ones.
 */

import type { Grant } from "../../core/grant.ts";
import type { Door } from "../../config/settings.ts";
import type { KernelGrant } from "../../firewall/firewall.ts";
import { KernelGrants } from "../../firewall/grants.ts";
import { withSpareDescriptors } from "../../native/spare-descriptors.ts";
import type { Ask, Reply } from "../../data-plane/messages.ts";
import { compareGrants } from "../../data-plane/repair-grants.ts";

/** How many grants and uses the data plane puts back at once: about half a millisecond for each. */
const AT_ONCE = 32;

export interface GrantAuditParts {
  /** The grants that the data plane told of. */
  readonly grants: () => Iterable<Grant>;
  readonly doors: () => readonly Door[];
  /** The grants that the kernel holds now. */
  readonly list: () => readonly KernelGrant[];
  readonly ask: Ask;
}

/** How many grants an audit put back, of how many. */
export interface Audited {
  readonly missing: number;
  readonly intended: number;
  /** A set of the kernel has no room left. */
  readonly full: boolean;
}

/** The grants that the kernel holds now, through a socket of this thread's own. Throws OpError. */
export function listKernelGrants(): readonly KernelGrant[] {
  return withSpareDescriptors(() => {
    using kernel = KernelGrants.open();
    return kernel.list();
  });
}

/**
 * Puts back grants and uses that are missing in the kernel. Throws OpError where the kernel
 * refuses.
 */
export async function auditGrants({ grants, doors, list, ask }: GrantAuditParts): Promise<Audited> {
  for (let after: number | undefined = 0; after !== undefined;) {
    const answer: Reply<"remember"> = await ask({ type: "remember", after, most: AT_ONCE });
    after = answer.next;
  }
  // Before the kernel is asked: a grant that is opened in between is missing in neither.
  const told = [...grants()];
  const { missing, intended, full } = compareGrants(told, doors(), list());
  let entered = 0;
  for (let at = 0; at < missing.length; at += AT_ONCE) {
    entered += (await ask({ type: "repair-grants", ids: missing.slice(at, at + AT_ONCE) })).entered;
  }
  // The others ended during the comparison, or are about to.
  return { missing: entered, intended: intended - (missing.length - entered), full };
}
