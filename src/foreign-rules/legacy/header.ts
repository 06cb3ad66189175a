/**
 * The header of a rule of iptables-legacy as conditions of nft: addresses, interfaces, protocol.
 */

import { addressFromBytes, formatAddress, maskAddress, sameAddress } from "../../core/address.ts";
import type { LegacyFamily } from "../../native/legacy-table.ts";
import type { Statement } from "../listing.ts";
import { LAYOUT, textAt } from "./entries.ts";

/** linux/netfilter_ipv4/ip_tables.h: IPT_INV_VIA_IN and so on; those of IPv6 are the same. */
const INVERSE = { iifname: 0x01, oifname: 0x02, saddr: 0x08, daddr: 0x10, l4proto: 0x40 } as const;
/**
 * IPT_F_FRAG: "-f", second and later fragments. IP6T_F_PROTO: the rule names a protocol; IP6T_F_TOS
 */
const IPT_F_FRAG = 0x01;
const IP6T_F_PROTO = 0x01;
const IP6T_F_TOS = 0x02;
/** linux/if.h: IFNAMSIZ */
const NAME_BYTES = 16;

/** A condition that only particular packets meet, whatever is on its right side. */
const PARTICULAR = { meta: { key: "mark" } };

export function condition(left: unknown, right: unknown, negated: boolean): Statement {
  return { match: { op: negated ? "!=" : "==", left, right } };
}

/** A condition on a property that a stranger's packet cannot have; negated it is met. */
export function particular(negated = false): Statement {
  return condition(PARTICULAR, 0, negated);
}

export function headerConditions(entry: DataView, family: LegacyFamily): Statement[] {
  const { addressBytes, protocolAt, flagsAt, inverseAt } = LAYOUT[family];
  const inverse = entry.getUint8(inverseAt);
  const flags = entry.getUint8(flagsAt);
  const found: Statement[] = [];
  const masksAt = 2 * addressBytes;
  for (const [i, field] of (["saddr", "daddr"] as const).entries()) {
    const right = networkAt(entry, i * addressBytes, masksAt + i * addressBytes, addressBytes);
    if (right === "any") continue;
    const negated = (inverse & INVERSE[field]) !== 0;
    const left = { payload: { protocol: family, field } };
    found.push(right === undefined ? particular(negated) : condition(left, right, negated));
  }
  const namesAt = 4 * addressBytes;
  for (const [i, key] of (["iifname", "oifname"] as const).entries()) {
    const name = interfaceAt(entry, namesAt + i * NAME_BYTES, namesAt + (2 + i) * NAME_BYTES);
    if (name === undefined) continue;
    found.push(condition({ meta: { key } }, name, (inverse & INVERSE[key]) !== 0));
  }
  const protocol = entry.getUint16(protocolAt, true);
  const asked = family === "ip" ? protocol !== 0 : (flags & IP6T_F_PROTO) !== 0;
  if (asked) {
    const negated = (inverse & INVERSE.l4proto) !== 0;
    found.push(condition({ meta: { key: "l4proto" } }, protocol, negated));
  }
  if (family === "ip" && (flags & IPT_F_FRAG) !== 0) found.push(particular());
  if (family === "ip6" && (flags & IP6T_F_TOS) !== 0) found.push(particular());
  return found;
}

/** An address or a network in nft's JSON; undefined for a mask with holes. */
function networkAt(entry: DataView, at: number, maskAt: number, size: 4 | 16) {
  const read = (from: number) =>
    addressFromBytes(new Uint8Array(entry.buffer, entry.byteOffset + from, size));
  const mask = read(maskAt);
  const len = bitsOf(mask);
  if (len === 0 && sameAddress(mask, maskAddress(mask, 0))) return "any";
  const whole = { ...mask, a0: ALL, ...(size === 16 && { a1: ALL, a2: ALL, a3: ALL }) };
  if (!sameAddress(mask, maskAddress(whole, len))) return undefined;
  const addr = formatAddress(read(at));
  return len === size * 8 ? addr : { prefix: { addr, len } };
}

const ALL = 0xffff_ffff;

function bitsOf({ a0, a1, a2, a3 }: ReturnType<typeof addressFromBytes>): number {
  let bits = 0;
  for (const word of [a0, a1, a2, a3]) {
    const leading = Math.clz32(~word);
    bits += leading;
    if (leading < 32) break;
  }
  return bits;
}

/** "eth0", "eth*" where the mask ends before the name does; undefined for any interface. */
function interfaceAt(entry: DataView, at: number, maskAt: number): string | undefined {
  const mask = new Uint8Array(entry.buffer, entry.byteOffset + maskAt, NAME_BYTES);
  const compared = mask.indexOf(0) < 0 ? NAME_BYTES : mask.indexOf(0);
  if (compared === 0) return undefined;
  const name = textAt(entry, at, NAME_BYTES);
  // The comparison of a whole name includes its final zero.
  return compared > name.length ? name : `${name.slice(0, compared)}*`;
}
