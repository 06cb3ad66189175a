/**
 * Compares the grants in the kernel with those that should exist, and puts back those that others
 * took.
 */

import { formatAddress, parsePrefix } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Counters } from "../core/counters.ts";
import type { Grant } from "../core/grant.ts";
import { joinPorts, type Port } from "../core/port.ts";
import type { Door } from "../config/settings.ts";
import { singlePorts } from "../firewall/element-key.ts";
import type { Firewall, KernelGrant, Which } from "../firewall/firewall.ts";
import { SET_SIZE } from "../firewall/sets.ts";
import { needOf, sameAgain } from "./grant-request.ts";
import { hasPaused } from "./grant-traffic.ts";
import type { Ledger, Remaining } from "./ledger.ts";
import type { Reply } from "./messages.ts";

/** The result of a comparison with the kernel. */
export interface Compared {
  /** Ids of grants with a missing element. */
  readonly missing: string[];
  /** Number of grants that should exist. */
  readonly intended: number;
  /** A set of the kernel has no room left. */
  readonly full: boolean;
}

/**
 * Compares grants with the elements that the kernel held at a later moment, kind by kind. Leaves
 * out grants for one connection, even where their door is of another kind by now: a missing one may
 * have been used. Also leaves out grants of removed doors.
 */
export function compareGrants(
  grants: Iterable<Grant>,
  doors: readonly Door[],
  elements: readonly KernelGrant[],
): Compared {
  const held = new Set(
    elements.map((element) => elementKey(element, formatAddress(element.address), element.port)),
  );
  const perSet = new Map<string, number>();
  for (const { kind, address } of elements) {
    const set = `${kind} ${address.family}`;
    perSet.set(set, (perSet.get(set) ?? 0) + 1);
  }
  const counted = new Set(doors.map(({ name }) => name));
  const missing: string[] = [];
  let intended = 0;
  for (const grant of grants) {
    const { id, door, kind, address, ports } = grant;
    if (kind === "once" || !counted.has(door) || ports.length === 0) continue;
    intended++;
    const [text = ""] = address.split("/");
    if (singlePorts(ports).some((port) => !held.has(elementKey(grant, text, port)))) {
      missing.push(id);
    }
  }
  const full = [...perSet.values()].some((length) => length >= SET_SIZE - 1);
  return { missing, intended, full };
}

export interface RepairParts {
  readonly firewall: Firewall;
  readonly ledger: Ledger;
  readonly counters: Counters;
  readonly clock: Clock;
}

/**
 * Puts back grants that are missing in the kernel, with their remaining life, and calls `ended` for
 * those that ended by themselves. Throws OpError where the kernel refuses one.
 */
export function repairGrants(
  { firewall, ledger, clock, counters }: RepairParts,
  doors: ReadonlyMap<string, Door>,
  ids: readonly string[],
  ended: (grant: Grant) => void,
): Reply<"repair-grants"> {
  let entered = 0;
  const nowMs = clock.monotonicMs();
  for (const id of ids) {
    const grant = ledger.get(id);
    if (grant === undefined || !doors.has(grant.door)) continue;
    const all = ledger.at(grant.address, nowMs).filter(({ lifeMs }) => lifeMs > 0);
    const own = all.find((other) => other.grant.id === id);
    if (own === undefined) continue;
    // The kernel counted from a moment earlier, and ended it by itself: put back, a port would open once more.
    if (grant.kind !== "idle" && own.lifeMs < NEARLY_MS) continue;
    // The list is a moment old, and from a table that changed while it was read.
    if (stands(firewall, own)) continue;
    if (grant.kind === "idle" && hasPaused(firewall, own)) {
      ended(grant);
      continue;
    }
    const beside = all.filter((other) => other !== own).map(needOf);
    firewall.open({ ...sameAgain(own), ports: portsToReturn(firewall, own), beside });
    entered++;
  }
  counters.add("grantsRepaired", entered);
  return { entered };
}

/** Two clocks, read a moment apart, measure the lives. */
const NEARLY_MS = 1_000;

/**
 * Whether the kernel has all of a grant: an existing element may belong to another holder, and end
 * with that grant.
 */
function stands(firewall: Firewall, own: Remaining): boolean {
  const { grant, lifeMs } = own;
  const { address } = parsePrefix(grant.address)!;
  const lives = firewall.livesMs(address, grant.ports, grant);
  if (grant.kind === "idle") {
    return lives.some((leftMs) => leftMs > 0) && !capsOf(firewall, own).includes(false);
  }
  const leastMs = Math.max(0, lifeMs - NEARLY_MS);
  return lives.every((leftMs) => leftMs > 0 && leftMs >= leastMs);
}

/**
 * The ports of a grant that others took. A port of an idle one at which nobody talked for the idle
 * time is gone by itself, and stays so.
 */
function portsToReturn(firewall: Firewall, own: Remaining): Grant["ports"] {
  const { kind, ports } = own.grant;
  if (kind !== "idle") return ports;
  const stand = capsOf(firewall, own);
  return joinPorts(singlePorts(ports).filter((_, i) => stand[i] === false));
}

/** Whether the caps of an idle grant stand, port by port. */
function capsOf(firewall: Firewall, { grant, capMs }: Remaining): boolean[] {
  const { address } = parsePrefix(grant.address)!;
  const caps = firewall.capsMs(address, grant.ports, grant.idleMs ?? 0);
  return caps.map((leftMs) => leftMs >= capMs - NEARLY_MS);
}

function elementKey({ kind, idleMs }: Which, address: string, { proto, port }: Port): string {
  return `${kind} ${idleMs} ${address} ${proto} ${port}`;
}
