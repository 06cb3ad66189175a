/** What the rest of the program asks of a firewall; the kernel's and the recorder's are alike. */

import type { Address } from "../core/address.ts";
import type { Port, PortRange } from "../core/port.ts";

/**
 * How a grant ends besides its time: "plain" and "fixed" (a set of their own, so that forged fixed
 * knocks cannot fill the other) not at all, "once" with the first connection, "idle" lives on while
 * an established connection carries traffic.
 */
export type GrantKind = "plain" | "fixed" | "once" | "idle";

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
  /** Shown by nft as the element's comment; cut to 120 bytes. */
  readonly label: string;
}

export interface CloseRequest {
  readonly address: Address;
  readonly prefix6: 64 | 128;
  readonly ports: readonly PortRange[];
  /**
   * "end" (the default) refuses the address on these ports for a while and ends its sessions there;
   * "keep" only takes the grant away.
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

  /** Takes every grant of the address on these ports away, whatever its kind; none is no error. */
  close(request: CloseRequest): void;

  /** Longest life left to a grant of the address (of a /64: its first one) on these ports; 0 for none. */
  remainingMs(address: Address, ports: readonly PortRange[]): number;

  /**
   * How much longer the kernel would renew an "idle" grant of the address on these ports; 0 for none.
   * No packet touches this: an idle grant that is gone while it lasts has ended by itself.
   */
  capMs(address: Address, ports: readonly PortRange[]): number;

  list(): KernelGrant[];

  /** Every use that is remembered, 16 bytes each, in no order. */
  uses(): Uint8Array[];

  /** Spends uses again that the kernel may have forgotten; those it remembers stay. */
  remember(uses: readonly Use[]): void;
}
