/** Shared by the tests of the firewall: a plan, a kernel firewall inside a lab, short requests. */

import { parseAddress } from "../../src/core/address.ts";
import { parsePortRange } from "../../src/core/port.ts";
import type { GrantRequest } from "../../src/firewall/firewall.ts";
import { KernelGrants } from "../../src/firewall/grants.ts";
import { loadGuard } from "../../src/firewall/guard.ts";
import type { GuardPlan } from "../../src/firewall/guard-plan.ts";
import { inside } from "./inside.ts";
import type { Host, Lab } from "./lab.ts";

export const ranges = (...texts: string[]) => texts.map((text) => parsePortRange(text)!);

/** Guards 2222/tcp, answers like the kernel's closed ports. */
export function planOf(plan: Partial<GuardPlan> = {}): GuardPlan {
  return {
    guarded: ranges("2222/tcp"),
    allow: [],
    deny: { ip: "reset", ip6: "reset" },
    idleMs: [],
    ...plan,
  };
}

export function guard(lab: Lab, plan: Partial<GuardPlan> = {}, host: Host = "server"): void {
  inside(lab.namespace(host), () => loadGuard(planOf(plan)));
}

/** The kernel's grants of a host; its sockets stay in that namespace. */
export function grantsOf(lab: Lab, host: Host = "server"): KernelGrants {
  return inside(lab.namespace(host), () => KernelGrants.open());
}

/** A request for 2222/tcp, plain, for a minute. */
export function request(address: string, rest: Partial<GrantRequest> = {}): GrantRequest {
  return {
    address: parseAddress(address)!,
    prefix6: 128,
    ports: ranges("2222/tcp"),
    kind: "plain",
    openMs: 60_000,
    label: "ssh alice/laptop",
    ...rest,
  };
}

let uses = 0;

/** A use that no other test has. */
export function freshUse(forMs = 60_000): { id: Uint8Array; forMs: number } {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(12, ++uses);
  return { id, forMs };
}
