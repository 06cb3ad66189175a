/**
 * The firewall as the rest of the program uses it; the kernel's and the recorder's behave alike.
 */

import type { Address } from "../core/address.ts";
import type { GrantKind } from "../core/grant.ts";
import type { Port, PortRange } from "../core/port.ts";

export type { GrantKind } from "../core/grant.ts";

/** A one-time use, spent in the transaction that opens the grant. */
export interface Use {
  /** 16 bytes. */
  readonly id: Uint8Array;
  /** How long the kernel remembers it, in milliseconds. */
  readonly forMs: number;
}

export interface GrantRequest {
  readonly address: Address;
  /** 64 opens the whole /64 of an IPv6 address; IPv4 ignores it. */
  readonly prefix6: 64 | 128;
  readonly ports: readonly PortRange[];
  readonly kind: GrantKind;
  /**
   * The life of the grant; of an "idle" one, the life before its first traffic. A longer remaining
   * life is kept.
   */
  readonly openMs: number;
  /** "idle": the life that each established packet restores; one of the loaded plan's `idleMs`. */
  readonly idleMs?: number;
  /** "idle": no renewal after this time. Default `DEFAULT_MAX_MS`. */
  readonly maxMs?: number;
  /**
   * The caller knows of no such living grant, so the kernel need not be asked first. Where one
   * lives after all, the result is the same but takes longer. Default false.
   */
  readonly fresh?: boolean;
  readonly use?: Use;
  /**
   * Other holders for this very address, or /64, whose grants end the same way. They are recorded
   * beside an element that they share, so that a later daemon knows all of them. Default: none.
   */
  readonly beside?: readonly Need[];
  /** When its owner got the grant, in Unix milliseconds. Default: unknown. */
  readonly openedMs?: number;
  /** Shown by nft as the element's comment; cut to 120 bytes. */
  readonly label: string;
}

/** The needs, on some ports, of those grants of an address that stay alive. */
export interface Need {
  readonly ports: readonly PortRange[];
  readonly kind: GrantKind;
  /** "idle" only. */
  readonly idleMs?: number;
  /**
   * The remaining life. For an "idle" or "once" grant, the longest life it may have if it still has
   * any.
   */
  readonly lifeMs: number;
  /** "idle" only: how much longer the kernel renews it. */
  readonly capMs?: number;
  readonly openedMs?: number;
  readonly label: string;
}

/** Ports that somebody still holds a grant for: sessions there belong to that holder. */
export interface Held {
  readonly address: Address;
  readonly prefix6: 64 | 128;
  readonly ports: readonly PortRange[];
}

/** The elements of an address that a request means; an "idle" kind is identified by its time. */
export interface Which {
  readonly kind: GrantKind;
  readonly idleMs?: number;
}

export interface CloseRequest {
  readonly address: Address;
  readonly prefix6: 64 | 128;
  readonly ports: readonly PortRange[];
  /** The needs of other grants of this very address, or /64, on these ports. Default: none. */
  readonly keep?: readonly Need[];
  /** The owner whose grant ends; it may be recorded beside an element that it shared. */
  readonly owner?: Pick<Need, "kind" | "idleMs" | "label">;
  /**
   * Grants of addresses in the /64, of the /64 around, and of the address itself. Default: none.
   */
  readonly held?: readonly Held[];
  /**
   * "end" (the default) refuses the address on these ports for a while and ends its sessions there,
   * except for the ones `held`; "keep" only takes the grant away.
   */
  readonly sessions?: "end" | "keep";
}

/** One grant as the kernel holds it: one address, one port. */
export interface KernelGrant {
  readonly kind: GrantKind;
  /** For a /64, its first address. */
  readonly address: Address;
  readonly prefix6: 64 | 128;
  readonly port: Port;
  readonly remainingMs: number;
  /** "idle" only: the life that each packet restores. */
  readonly idleMs?: number;
  /** "idle" only: how much longer the kernel renews; 0 or less where it no longer does. */
  readonly maxRemainingMs?: number;
  /** Unix milliseconds; absent where the element does not tell. */
  readonly openedMs?: number;
  /** The element has several owners, and this is one of those recorded beside it. */
  readonly shared?: true;
  /** "" where somebody added the element without a comment. */
  readonly label: string;
}

/** An "idle" grant without a `maxMs` is renewed for at most this long after a knock. */
export const DEFAULT_MAX_MS = 24 * 3_600_000;

export interface Firewall {
  /**
   * Opens the ports in one transaction and spends `use` in it. Returns "used" when that use was
   * spent before; then nothing changed. Throws OpError on any other refusal, with nothing
   * half-applied, and all of it or nothing where it `mayHaveHappened`.
   */
  open(request: GrantRequest): "opened" | "used";

  /**
   * Takes away every grant of the address on these ports, of any kind, except for the needs that
   * others `keep`, in one transaction. A missing grant is not an error.
   */
  close(request: CloseRequest): void;

  /**
   * The remaining lives of the grants of one kind for the address (of a /64: its first one), port
   * by port; 0 for none. Throws OpError where the kernel does not say.
   */
  livesMs(address: Address, ports: readonly PortRange[], which: Which): number[];

  /**
   * How much longer the kernel would renew an "idle" grant of the address, port by port; 0 for none.
   * No packet touches this: an idle grant that is gone while this lasts has ended by itself. Throws as `livesMs`.
   */
  capsMs(address: Address, ports: readonly PortRange[], idleMs: number): number[];

  list(): KernelGrant[];

  /** Every remembered use, 16 bytes each, in no order. */
  uses(): Uint8Array[];

  /** Spends again the uses that the kernel may have forgotten; those it remembers stay. */
  remember(uses: readonly Use[]): void;
}
