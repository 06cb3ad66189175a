/** Opens a grant in the kernel, enters it into the ledger, and tells the control plane. */

import { type Address, formatAddress } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Counters } from "../core/counters.ts";
import { OpError } from "../core/errors.ts";
import type { DaemonEvent, SlotUse } from "../core/events.ts";
import { type Grant, grantId, type Holder } from "../core/grant.ts";
import type { Door } from "../config/settings.ts";
import { DEFAULT_MAX_MS } from "../firewall/firewall.ts";
import type { Firewall, GrantRequest } from "../firewall/firewall.ts";
import type { GrantEnds } from "./grant-ends.ts";
import { holderAddress, needOf } from "./grant-request.ts";
import type { GrantTraffic } from "./grant-traffic.ts";
import { type Ledger, sameTerms } from "./ledger.ts";
import { sharedMark } from "./sharing.ts";

export interface OpenParts {
  readonly firewall: Firewall;
  readonly ledger: Ledger;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly emit: (event: DaemonEvent) => void;
  readonly ends: GrantEnds;
  readonly traffic: GrantTraffic;
}

/** Who is to get a grant, and why. */
export interface Opened {
  readonly door: Door;
  readonly source: Address;
  readonly holder: Holder;
  readonly asked: GrantRequest;
  /** Absent where somebody opens by hand. `knockMs` is when the last packet came. */
  readonly knock?: { readonly knockMs: number; readonly used: SlotUse | undefined };
}

/**
 * Returns undefined where the use was spent before. Throws OpError where the kernel refuses, and where it
 * does not say: then the grant is taken from it in a moment.
 */
export function openGrant(parts: OpenParts, opened: Opened): Grant | undefined {
  const { firewall, ledger, clock, ends, traffic } = parts;
  const { door, source, holder, asked } = opened;
  const address = holderAddress(door, source);
  const id = grantId(door.name, address, holder);
  // The cap of an idle grant outlives it, and an existing element makes the kernel abort a fresh
  // one.
  const fresh = asked.kind !== "idle" && !ledger.holds(address);
  // A connection that spent an earlier grant must not spend the one that is given now.
  if (!fresh && asked.kind === "once") traffic.lookAt(ledger.at(address, clock.monotonicMs()));
  const before = ledger.get(id);
  const { kind, idleMs, openMs, ports } = asked;
  const openedMs = before?.openedMs ?? Math.round(clock.wallMs());
  const beside = fresh ? {} : { beside: ends.others(address, id).map(needOf) };
  const opening = {
    id,
    door: door.name,
    address,
    ports,
    kind,
    ...(idleMs !== undefined && kind === "idle" && { idleMs }),
    ...holder,
    openedMs,
  };
  try {
    if (firewall.open({ ...asked, fresh, openedMs, ...beside }) === "used") return undefined;
  } catch (error) {
    if (mayHaveHappened(error)) ends.abandon({ ...opening, expiresMs: openedMs + openMs });
    throw error;
  }
  return enter(parts, opened, opening, before);
}

/** The kernel has it: `before` is the grant of the same id until now. */
function enter(
  { ledger, counters, clock, emit, ends }: OpenParts,
  { source, asked, knock }: Opened,
  opening: Omit<Grant, "expiresMs">,
  before: Grant | undefined,
): Grant {
  const atMs = clock.wallMs();
  const latencyMs = knock && Math.max(0, atMs - knock.knockMs);
  if (latencyMs !== undefined) counters.observeLatency(latencyMs / 1_000);
  const { grant, renewed } = ledger.open(
    { ...opening, expiresMs: Math.round(atMs + asked.openMs) },
    asked.openMs,
    clock.monotonicMs(),
    asked.maxMs ?? DEFAULT_MAX_MS,
  );
  counters.add(renewed ? "grantsRenewed" : "grantsOpened");
  counters.set("grantsLive", ledger.size);
  if (before !== undefined && !sameTerms(before, grant)) ends.leave(before);
  ends.joined(grant);
  emit({
    type: "grant.opened",
    atMs,
    grant,
    renewed,
    ...sharedMark(grant, ends.others(grant.address, grant.id)),
    source: formatAddress(source),
    ...(latencyMs !== undefined && { latencyMs }),
    ...(knock?.used !== undefined && { used: knock.used }),
  });
  return grant;
}

/** Whether the kernel may have done what it did not confirm. */
export function mayHaveHappened(error: unknown): boolean {
  return error instanceof OpError && error.mayHaveHappened;
}
