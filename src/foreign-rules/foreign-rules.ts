/** Check: no other table drops traffic to an open door. A drop in any chain is final. */

import type { Family } from "../core/address.ts";
import { formatPortRange, joinPorts, type Port, type PortRange } from "../core/port.ts";
import { type Findings, listed, ok, problem, warning } from "../core/finding.ts";
import type { Listing } from "./listing.ts";
import { describePlace, type RuleText } from "./rule-text.ts";
import { type Place, trace } from "./trace.ts";

export interface RuleFacts {
  readonly listing: Listing;
  readonly guarded: readonly PortRange[];
  readonly textOf: RuleText;
}

/** Every guarded port once, in order. */
export function guardedPortsOf(ranges: readonly PortRange[]): Port[] {
  const ports = new Map<string, Port>();
  for (const { proto, from, to } of ranges) {
    for (let port = from; port <= to; port++) ports.set(`${port}/${proto}`, { proto, port });
  }
  return [...ports.values()];
}

interface Culprit {
  readonly by: string;
  readonly at: Place;
  readonly ports: Port[];
  readonly families: Set<Family>;
}

export function checkForeignRules(facts: RuleFacts): Findings {
  const culprits = new Map<string, Culprit>();
  const unclear = new Map<string, Place>();
  for (const { proto, port } of guardedPortsOf(facts.guarded)) {
    for (const family of [4, 6] as const) {
      const { ended, unclear: places } = trace(facts.listing, { family, proto, port });
      for (const at of places) unclear.set(JSON.stringify(at), at);
      if (ended === undefined) continue;
      const { by, at } = ended;
      const key = JSON.stringify({ by, at });
      const culprit = culprits.get(key) ?? { by, at, ports: [], families: new Set() };
      culprit.ports.push({ proto, port });
      culprit.families.add(family);
      culprits.set(key, culprit);
    }
  }
  const findings = [...culprits.values()].map(({ by, at, ports, families }) => {
    const only = families.size === 1 ? ` over IPv${[...families][0]}` : "";
    return problem(
      `Another table ${by} ${listed(joinPorts(ports).map(formatPortRange))}${only}: ${describePlace(at, facts.textOf)}`,
      "accept it there, sallyport already guards it",
    );
  });
  for (const at of unclear.values()) {
    findings.push(
      warning(
        `Could not see whether another table drops a guarded port: ${describePlace(at, facts.textOf)}`,
        "read the rule with iptables-save (iptables-legacy-save), and see that it lets the guarded ports through",
      ),
    );
  }
  const { unread } = facts.listing;
  if (unread.length > 0) {
    findings.push(
      warning(
        `Could not see the rules of iptables-legacy in ${unread.length === 1 ? "table" : "tables"} ${listed(unread)}`,
        "read them with iptables-legacy-save, see that they accept the guarded ports, and set guard.deny to what they do with closed ones",
      ),
    );
  }
  return findings.length > 0 ? findings : [ok("No other table drops a guarded port")];
}
