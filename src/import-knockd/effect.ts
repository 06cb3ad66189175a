/** The effect of a knockd command on a firewall, in the terms of a door. */

import type { PortRange } from "../core/port.ts";

/** The placeholder of the knocker's address in commands of knockd. */
export const KNOCKER = "%IP%";

/** Lets in, or no longer. */
export interface Change {
  readonly kind: "open" | "close";
  /** Undefined: the command does not tell; a rule by its number, or all of them. */
  readonly ports: readonly PortRange[] | undefined;
  /** The differences of a door, one clause each. */
  readonly differences: readonly string[];
  /** The command ends its own opening after this time. */
  readonly forMs?: number;
}

export type Effect =
  | Change
  | { readonly kind: "wait"; readonly ms: number }
  /** A door needs nothing in its place, for this reason. */
  | { readonly kind: "nothing"; readonly why: string }
  /**
   * It changes a firewall in a way that a door cannot, for this reason; `instead` is a clause with
   * the remedy.
   */
  | { readonly kind: "firewall"; readonly why: string; readonly instead: string }
  /** It concerns a firewall that Linux does not have. */
  | { readonly kind: "foreign"; readonly why: string }
  /** Anything else. */
  | { readonly kind: "program" };

/** In place of a rule that lets the knocker in. */
export const GUARD_INSTEAD =
  'write the ports that it is about into "opens" and remove "run", and sallyport guards them itself';
/** Of a ban or a translation, "opens" would be the opposite, or the end. */
export const KEPT = 'not convertible to "opens": kept as a command';
/** The way of forwarded packets stays with whoever forwards them. */
export const FORWARDED =
  'kept as a command; where Docker or NAT publishes its port, "opens" with the outer number guards that too';
/** Nobody here can tell whether it lets in or keeps out. */
export const UNSURE =
  'kept as a command; where it lets the knocker in, the ports that it is about can stand in "opens" in its place';

export function firewallOnly(why: string, instead = GUARD_INSTEAD): Effect {
  return { kind: "firewall", why, instead };
}

/** The effect with this remedy, where it has one. */
export function withInstead(effect: Effect, instead: string): Effect {
  return effect.kind === "firewall" ? { ...effect, instead } : effect;
}

const EVERYBODY =
  "knockd opened it to everybody; a door opens it to the address that knocked, and to no other";

/** The effect of a source address in a rule; undefined where a door cannot be for it. */
export function sourceDifferences(source: string | undefined): string[] | undefined {
  if (source === undefined) return [EVERYBODY];
  if (source === KNOCKER) return [];
  const [, bits] = /^%IP%\/(\d+)$/.exec(source) ?? [];
  if (bits === "32" || bits === "128") return [];
  if (bits !== undefined) {
    return [`knockd let in the /${bits} around the knocker; a door opens to the one address`];
  }
  return undefined;
}
