/** What the rest of the program asks of a firewall; the kernel's and the recorder's are alike. */

import type { Address } from "../core/address.ts";
import type { GrantKind } from "../core/grant.ts";
import type { Port, PortRange } from "../core/port.ts";

export type { GrantKind } from "../core/grant.ts";

/** A one-time use, spent in the transaction that opens the grant. */
export interface Use {
  /** 16 bytes. */
  readonly id: Uint8Array;
  /** How long the kernel remembers it. */
  readonly forMs: number;
}

export interface GrantRequest {
  readonly address: Address;
  /** 64 opens the whole /64 of an IPv6 address; IPv4 ignores it. */
  readonly prefix6: 64 | 128;
  readonly ports: readonly PortRange[];
  readonly kind: GrantKind;
  /** Life of the grant; of an "idle" one before its first traffic. */
  readonly openMs: number;
  /** "idle": the life each established packet restores; one of the loaded plan's `idleMs`. */
  readonly idleMs?: number;
  /** "idle": no renewal after this time. Default `DEFAULT_MAX_MS`. */
  readonly maxMs?: number;
  /** A longer life that is left is cut to `openMs`; by default it is kept. */
  readonly shorten?: boolean;
  /**
   * The caller knows of no such grant that stands, so the kernel need not be asked first. Where one
   * stands all the same, the answer is the same, and takes longer. Default false.
   */
  readonly fresh?: boolean;
  readonly use?: Use;
  /**
   * Others of this very address, or /64, whose grants end alike: who has a part in an element of theirs is
   * written down beside it, so that a later daemon knows all of them. Default: nobody.
   */
  readonly beside?: readonly Need[];
  /** Since when its owner has the grant: Unix milliseconds. Default: not said. */
  readonly openedMs?: number;
  /** Shown by nft as the element's comment; cut to 120 bytes. */
  readonly label: string;
}

/** What the living grants of an address that end no grant of theirs still need there. */
export interface Need {
  readonly ports: readonly PortRange[];
  readonly kind: GrantKind;
  /** "idle" only. */
  readonly idleMs?: number;
  /** Life that is left; of an "idle" or "once" grant the longest it may have, if any is left at all. */
  readonly lifeMs: number;
  /** "idle" only: how much longer the kernel renews. */
  readonly capMs?: number;
  readonly openedMs?: number;
  readonly label: string;
}

/** Ports that somebody still holds a grant for: what lives there is his. */
export interface Held {
  readonly address: Address;
  readonly prefix6: 64 | 128;
  readonly ports: readonly PortRange[];
}

/** Which elements of an address are meant; an "idle" kind is named by its time. */
export interface Which {
  readonly kind: GrantKind;
  readonly idleMs?: number;
}

export interface CloseRequest {
  readonly address: Address;
  readonly prefix6: 64 | 128;
  readonly ports: readonly PortRange[];
  /** What other grants of this very address, or /64, still need of these ports. Default: nothing. */
  readonly keep?: readonly Need[];
  /** Whose grant ends, where it may be written down beside an element that it had a part in. */
  readonly owner?: Pick<Need, "kind" | "idleMs" | "label">;
  /** Grants of addresses in the /64, or of the /64 around, and of the address itself. Default: none. */
  readonly held?: readonly Held[];
  /**
   * "end" (the default) refuses the address on these ports for a while and ends its sessions there, but
   * for what is `held`; "keep" only takes the grant away.
   */
  readonly sessions?: "end" | "keep";
}

/** One grant as the kernel holds it: one address, one port. */
export interface KernelGrant {
  readonly kind: GrantKind;
  /** Of a /64: its first address. */
  readonly address: Address;
  readonly prefix6: 64 | 128;
  readonly port: Port;
  readonly remainingMs: number;
  /** "idle" only: what each packet restores. */
  readonly idleMs?: number;
  /** "idle" only: how much longer the kernel renews; 0 when it does not any more. */
  readonly maxRemainingMs?: number;
  /** Unix milliseconds; absent where the element does not say. */
  readonly openedMs?: number;
  /** It is of one of several owners that were written down beside an element. */
  readonly shared?: true;
  /** "" where somebody added the element without a comment. */
  readonly label: string;
}

/** An "idle" grant that names no `maxMs` is renewed for at most this long after a knock. */
export const DEFAULT_MAX_MS = 24 * 3_600_000;

export interface Firewall {
  /**
   * Opens the ports in one transaction, spending `use` in it. "used" when that use was spent before:
   * then nothing changed. Throws OpError otherwise, with nothing half-applied.
   */
  open(request: GrantRequest): "opened" | "used";

  /**
   * Takes every grant of the address on these ports away, whatever its kind, but for what others `keep`,
   * in one transaction; none is no error.
   */
  close(request: CloseRequest): void;

  /** Lives left to the grants of a kind of the address (of a /64: its first one), port by port; 0 for none. */
  livesMs(address: Address, ports: readonly PortRange[], which: Which): number[];

  /**
   * How much longer the kernel would renew an "idle" grant of the address on these ports; 0 for none.
   * No packet touches this: an idle grant that is gone while it lasts has ended by itself.
   */
  capMs(address: Address, ports: readonly PortRange[], idleMs: number): number;

  list(): KernelGrant[];

  /** Every use that is remembered, 16 bytes each, in no order. */
  uses(): Uint8Array[];

  /** Spends uses again that the kernel may have forgotten; those it remembers stay. */
  remember(uses: readonly Use[]): void;
}
