/**
 * The checks that follow packets through the rules of other tables, with their data from the
 * kernel.
 */

import { readFileSync } from "node:fs";
import type { Settings } from "../config/settings.ts";
import { formatPort, type PortRange } from "../core/port.ts";
import { guardedPorts } from "../config/guarded-ports.ts";
import { checkRoutedContainers, checkUntracked } from "./bypass.ts";
import { checkDeny } from "./deny.ts";
import { type Findings, unseen } from "../core/finding.ts";
import { checkForeignRules, guardedPortsOf } from "./foreign-rules.ts";
import type { Listing } from "./listing.ts";
import { readListing } from "./read-listing.ts";
import { publishedIn } from "./published.ts";
import { readRuleText } from "./rule-text.ts";
import { trace } from "./trace.ts";

/**
 * `listing`: the result of `readListing`; it is read here where the caller has no other use for it.
 */
export function examineRules(settings: Settings, listing = readListing()): Findings {
  if (listing === undefined) return [unseen("the rules of other tables")];
  const findings = checkForeignRules({
    listing,
    guarded: guardedPorts(settings),
    textOf: readRuleText,
  });
  return settings.guard.deny === "auto"
    ? [...findings, ...checkDeny(listing, readRuleText)]
    : findings;
}

/**
 * The sentences about rules of other tables that stop granted traffic; those about "not seen" too.
 */
export function problemsOfRules(settings: Settings): string[] {
  return examineRules(settings)
    .filter(({ level }) => level === "problem")
    .map(({ sentence }) => sentence);
}

export function examineBypass(settings: Settings, listing: Listing | undefined): Findings {
  if (listing === undefined) return [unseen("rules that go past the guard")];
  const facts = { listing, guarded: guardedPorts(settings), textOf: readRuleText };
  const forwarding = {
    4: isSet("ipv4/ip_forward"),
    6: isSet("ipv6/conf/all/forwarding"),
  };
  return [...checkUntracked(facts), ...checkRoutedContainers({ ...facts, forwarding })];
}

function isSet(name: string): boolean {
  try {
    return readFileSync(`/proc/sys/net/${name}`, "utf8").trim() === "1";
  } catch {
    return false; // a kernel without IPv6
  }
}

/** Ports of these ranges that other tables send elsewhere; empty where the rules cannot be read. */
export function publishedPortsIn(
  ranges: readonly PortRange[],
  listing = readListing(),
): PortRange[] {
  return listing === undefined ? [] : publishedIn(listing, ranges);
}

/**
 * Empty where the rules cannot be read: a published port is then reported as one without a service.
 */
export function publishedPorts(settings: Settings, listing: Listing | undefined): Set<string> {
  if (listing === undefined) return new Set();
  const published = guardedPortsOf(guardedPorts(settings)).filter(({ proto, port }) =>
    ([4, 6] as const).some(
      (family) => trace(listing, { family, proto, port }).redirected !== undefined,
    ),
  );
  return new Set(published.map(formatPort));
}
