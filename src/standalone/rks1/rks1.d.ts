/** RKS1: rotating knock sequences. Pure functions: no clock, no files, no network, no dependencies. */

/** Bytes of a key in base32 as links write it; undefined for other text, and for any but the one spelling of its bytes. */
export declare function decodeBase32(text: string): Uint8Array | undefined;
export declare function encodeBase32(bytes: Uint8Array): string;

/** A fresh master secret of a device, from the system's randomness. */
export declare function newMaster(): Uint8Array;
/** The key of one device on one server; the server learns nothing else. */
export declare function serverKey(master: Uint8Array, serverName: string): Uint8Array;
export declare function isServerName(text: string): boolean;
export declare function isDoorName(text: string): boolean;

/** A single port has `from === to`. */
export interface PortRange {
  readonly proto: "tcp" | "udp";
  readonly from: number;
  readonly to: number;
}

/** One device's way to one door. Holds the key: treat it as a password. */
export interface Profile {
  /** "alice" or "alice/laptop". */
  readonly user: string;
  /** A name, an IPv4 address, or an IPv6 address without brackets; a link-local one has its zone: "fe80::1%eth0". */
  readonly host: string;
  readonly door: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** First and last port of the knock range. */
  readonly lo: number;
  readonly hi: number;
  /** How many ports a knock has. */
  readonly ports: number;
  /** Seconds a slot lasts. */
  readonly stepSeconds: number;
  /** The protocol of its knocks. */
  readonly proto: "tcp" | "udp";
  /** The ports that the door opens, for the client to wait on; may be empty. */
  readonly opens: readonly PortRange[];
}

/** Reads a `rks1://` link. Throws an Error whose message is one sentence for a person and quotes nothing of the link. */
export declare function parseProfileLink(text: string): Profile;
/** Writes a link without the parameters that have their default. */
export declare function formatProfileLink(profile: Profile): string;

/** The slot of a Unix time in milliseconds. */
export declare function slotAt(ms: number, stepSeconds: number): number;
/** The Unix time in milliseconds at which a slot begins. */
export declare function slotStartMs(slot: number, stepSeconds: number): number;

export type SlotChoice =
  /** Remember it as used before anything is sent. */
  | { readonly kind: "use"; readonly slot: number }
  /** All allowed slots are used: nothing may be sent before slot `until` begins. */
  | { readonly kind: "wait"; readonly until: number }
  /** The last slot used lies so far ahead that this clock was wrong, now or at that knock. */
  | { readonly kind: "clock"; readonly slotsAhead: number };

/** Which slot a knock may use; `last` is the highest ever used for this key, door and step, undefined before the first. */
export declare function chooseSlot(present: number, last: number | undefined): SlotChoice;

/** The distinct ports of a door in a slot, in the order drawn; send each twice, in any order. A `Profile` is a `space`. */
export declare function sequencePorts(
  key: Uint8Array,
  door: string,
  space: { readonly lo: number; readonly hi: number; readonly ports: number },
  slot: number,
): Uint16Array;

/** The values of omitted parameters of a link, and the defaults of a server. */
export declare const DEFAULT_SPACE: {
  readonly proto: "tcp" | "udp";
  readonly lo: number;
  readonly hi: number;
  readonly ports: number;
  readonly stepSeconds: number;
  readonly windowSeconds: number;
  readonly skew: number;
  readonly slack: number;
};

/** Both ends inclusive; `range` is `hi − lo + 1`. */
export declare const SPACE_LIMITS: Readonly<
  Record<
    "lo" | "hi" | "range" | "ports" | "stepSeconds" | "windowSeconds" | "skew" | "slack",
    { readonly min: number; readonly max: number }
  >
>;
