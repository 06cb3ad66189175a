/** Check: no traffic bypasses the guard: no notrack, no flow table, no routed container. */

import { formatPort, type PortRange } from "../core/port.ts";
import { type Findings, listed, ok, warning } from "../core/finding.ts";
import { guardedPortsOf } from "./foreign-rules.ts";
import type { Listing } from "./listing.ts";
import { describePlace, type RuleText } from "./rule-text.ts";
import { isOurs, type Place, trace } from "./trace.ts";

/** Rules that take guarded ports out of connection tracking, and flow tables. */
export function checkUntracked(facts: {
  readonly listing: Listing;
  readonly guarded: readonly PortRange[];
  readonly textOf: RuleText;
}): Findings {
  const places = new Map<string, { at: Place; ports: Set<string> }>();
  for (const { proto, port } of guardedPortsOf(facts.guarded)) {
    for (const family of [4, 6] as const) {
      for (const at of trace(facts.listing, { family, proto, port }).untracked) {
        const found = places.get(JSON.stringify(at)) ?? { at, ports: new Set() };
        found.ports.add(formatPort({ proto, port }));
        places.set(JSON.stringify(at), found);
      }
    }
  }
  const findings = [...places.values()].map(({ at, ports }) =>
    warning(
      `Another table takes ${listed([...ports])} out of connection tracking, so sessions die when their grant ends: ${describePlace(at, facts.textOf)}`,
      "except the guarded ports there",
    ),
  );
  for (const { family, table, name, dev } of facts.listing.flowtables) {
    if (isOurs(family, table)) continue;
    const devices = dev === undefined ? "no interface" : listed([dev].flat());
    findings.push(
      warning(
        `The flow table ${name} of table ${family} ${table} hands forwarded sessions past every rule (${devices})`,
        "do not offload sessions to published ports that are guarded: closing by hand would not end them",
      ),
    );
  }
  return findings.length > 0
    ? findings
    : [ok("Guarded ports are tracked, and no flow table goes past them")];
}

/** A guarded port that is published: its service also answers on the container's own address. */
export interface RouteFacts {
  readonly listing: Listing;
  readonly guarded: readonly PortRange[];
  readonly forwarding: { readonly 4: boolean; readonly 6: boolean };
  readonly textOf: RuleText;
}

export function checkRoutedContainers(facts: RouteFacts): Findings {
  const { listing, guarded, forwarding, textOf } = facts;
  const findings = new Map<string, Findings[number]>();
  for (const { proto, port } of guardedPortsOf(guarded)) {
    for (const family of [4, 6] as const) {
      const { redirected } = trace(listing, { family, proto, port });
      if (redirected === undefined || !forwarding[family]) continue;
      const { address } = redirected;
      if (address === undefined) {
        findings.set(
          JSON.stringify(redirected.at),
          warning(
            `${formatPort({ proto, port })} is published from an address that could not be read, which may answer there without a knock: ${describePlace(redirected.at, textOf)}`,
            "read the rule with iptables-save, and drop connections to its address that come from outside",
          ),
        );
        continue;
      }
      if (isClosedOff(listing, address)) continue;
      const inside = redirected.port ?? port;
      findings.set(
        `${address} ${inside}`,
        warning(
          `${formatPort({ proto, port })} is published from ${address}, and this machine forwards: whoever routes to ${address} through it may reach ${formatPort({ proto, port: inside })} there without a knock`,
          `drop new connections to ${address} that come from outside, in a chain on hook prerouting at priority raw, as Docker does from version 28 on`,
        ),
      );
    }
  }
  return findings.size > 0
    ? [...findings.values()]
    : [ok("No guarded port is published from an address that others could route to")];
}

/**
 * Whether a rule drops or rejects every packet to the address, whatever its port: Docker writes one
 * since version 28.
 */
function isClosedOff(listing: Listing, address: string): boolean {
  return [...listing.rules.values()]
    .flat()
    .filter(({ family, table }) => !isOurs(family, table))
    .some(({ expr }) => {
      if (!expr.some((statement) => "drop" in statement || "reject" in statement)) return false;
      const matches = expr.flatMap((statement) => (statement["match"] as Match | undefined) ?? []);
      const names = matches.some(
        ({ op, left, right }) =>
          op === "==" && left?.payload?.field === "daddr" && right === address,
      );
      return names && matches.every(({ left }) => isAboutPlace(left));
    });
}

interface Match {
  readonly op?: string;
  readonly left?: {
    readonly payload?: { readonly field?: string };
    readonly meta?: { readonly key?: string };
    readonly ct?: unknown;
  };
  readonly right?: unknown;
}

/** A condition on the packet's source or destination, not on a port. */
function isAboutPlace(left: Match["left"]): boolean {
  const key = left?.meta?.key;
  return (
    left?.payload?.field === "daddr" || key === "iif" || key === "iifname" || "ct" in (left ?? {})
  );
}
