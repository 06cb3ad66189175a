/** IPv4 and IPv6 addresses and prefixes, in words for the packet path and as text for people. */

export type Family = 4 | 6;

/**
 * An address as four unsigned 32-bit words, most significant first. IPv4 uses `a0`, the others are
 * 0. The packet path passes these words around, because a string or bigint per packet costs too
 * much.
 */
export interface Address {
  readonly family: Family;
  readonly a0: number;
  readonly a1: number;
  readonly a2: number;
  readonly a3: number;
}

/** A network: the first `bits` bits of `address`; the other bits are zero. */
export interface Prefix {
  readonly address: Address;
  readonly bits: number;
}

function parseAddress4(text: string): Address | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  const bytes = match.slice(1).map(Number);
  if (bytes.some((byte, i) => byte > 255 || String(byte) !== match[i + 1])) return undefined;
  const [b0 = 0, b1 = 0, b2 = 0, b3 = 0] = bytes;
  return { family: 4, a0: ((b0 << 24) | (b1 << 16) | (b2 << 8) | b3) >>> 0, a1: 0, a2: 0, a3: 0 };
}

function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1 && part.includes(".")) {
      const tail = parseAddress4(part);
      if (tail === undefined) return undefined;
      groups.push(tail.a0 >>> 16, tail.a0 & 0xffff);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

function parseAddress6(text: string): Address | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!);
  const tail = halves.length === 2 ? parseGroups(halves[1]!) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const g = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  const word = (i: number) => ((g[i]! << 16) | g[i + 1]!) >>> 0;
  return { family: 6, a0: word(0), a1: word(2), a2: word(4), a3: word(6) };
}

/** An IPv4 address in dotted form without leading zeros, or an IPv6 address without zone or brackets. */
export function parseAddress(text: string): Address | undefined {
  return text.includes(":") ? parseAddress6(text) : parseAddress4(text);
}

/** Canonical text: dotted for IPv4, RFC 5952 for IPv6. */
export function formatAddress({ family, a0, a1, a2, a3 }: Address): string {
  if (family === 4) return `${a0 >>> 24}.${(a0 >>> 16) & 255}.${(a0 >>> 8) & 255}.${a0 & 255}`;
  if (a0 === 0 && a1 === 0 && a2 === 0xffff) {
    return `::ffff:${formatAddress({ family: 4, a0: a3, a1: 0, a2: 0, a3: 0 })}`;
  }
  const groups = [a0, a1, a2, a3].flatMap((word) => [word >>> 16, word & 0xffff]);
  // RFC 5952 §4.2: the longest run of two or more zero groups is shortened, the first one on a tie.
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.at < 0) return hex.join(":");
  return `${hex.slice(0, best.at).join(":")}::${hex.slice(best.at + best.length).join(":")}`;
}

/** Network byte order: 4 bytes for IPv4, 16 for IPv6. */
export function addressBytes({ family, a0, a1, a2, a3 }: Address): Uint8Array {
  const words = family === 4 ? [a0] : [a0, a1, a2, a3];
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setUint32(i * 4, word);
  return bytes;
}

/** The inverse of `addressBytes`; takes 4 or 16 bytes. */
export function addressFromBytes(bytes: Uint8Array): Address {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 4) return { family: 4, a0: view.getUint32(0), a1: 0, a2: 0, a3: 0 };
  return {
    family: 6,
    a0: view.getUint32(0),
    a1: view.getUint32(4),
    a2: view.getUint32(8),
    a3: view.getUint32(12),
  };
}

function maskWord(word: number, bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? word : (word & (0xffff_ffff << (32 - bits))) >>> 0;
}

/** `address` with everything after its first `bits` bits set to zero. */
export function maskAddress(address: Address, bits: number): Address {
  return {
    family: address.family,
    a0: maskWord(address.a0, bits),
    a1: maskWord(address.a1, bits - 32),
    a2: maskWord(address.a2, bits - 64),
    a3: maskWord(address.a3, bits - 96),
  };
}

/**
 * Reads "10.0.0.0/8", "fd00::/8" or a bare address; undefined for any other text and for set host
 * bits.
 */
export function parsePrefix(text: string): Prefix | undefined {
  const [host = "", length, extra] = text.split("/");
  const address = parseAddress(host);
  if (address === undefined || extra !== undefined) return undefined;
  const whole = address.family === 4 ? 32 : 128;
  if (length === undefined) return { address, bits: whole };
  if (!/^\d{1,3}$/.test(length) || Number(length) > whole) return undefined;
  const bits = Number(length);
  return sameAddress(maskAddress(address, bits), address) ? { address, bits } : undefined;
}

/** Whether an address is in a network. */
export function isWithin(address: Address, { address: network, bits }: Prefix): boolean {
  return sameAddress(maskAddress(address, bits), network);
}

/** Whether one of two networks holds the other; an address is a network of one. */
export function networksOverlap(a: Prefix, b: Prefix): boolean {
  const bits = Math.min(a.bits, b.bits);
  return sameAddress(maskAddress(a.address, bits), maskAddress(b.address, bits));
}

export function formatPrefix({ address, bits }: Prefix): string {
  const whole = address.family === 4 ? 32 : 128;
  return bits === whole ? formatAddress(address) : `${formatAddress(address)}/${bits}`;
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.family === b.family && a.a0 === b.a0 && a.a1 === b.a1 && a.a2 === b.a2 && a.a3 === b.a3;
}

/**
 * The address on the wire: the IPv4 address in an IPv4-mapped one (::ffff:0:0/96), any other
 * unchanged.
 */
export function unmapped(address: Address): Address {
  const { family, a0, a1, a2, a3 } = address;
  const isMapped = family === 6 && a0 === 0 && a1 === 0 && a2 === 0xffff;
  return isMapped ? { family: 4, a0: a3, a1: 0, a2: 0, a3: 0 } : address;
}

/** 127.0.0.0/8, ::1 and ::ffff:127.0.0.0/104: no packet from outside gets there. */
export function isLoopback(address: Address): boolean {
  const { family, a0, a1, a2, a3 } = unmapped(address);
  return family === 4 ? a0 >>> 24 === 127 : a0 === 0 && a1 === 0 && a2 === 0 && a3 === 1;
}

/** `isLoopback` for an address as text; false for text that is no address. */
export function isLoopbackHost(host: string): boolean {
  const address = parseAddress(host);
  return address !== undefined && isLoopback(address);
}
