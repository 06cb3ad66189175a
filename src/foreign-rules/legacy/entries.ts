/**
 * The entries of a table of iptables-legacy, read in place. No length is used before it was
 * checked.
 */

import type { LegacyFamily, LegacyTable } from "../../native/legacy-table.ts";

/** The fields of an entry with different places for IPv4 and IPv6. */
interface Layout {
  readonly addressBytes: 4 | 16;
  /** linux/netfilter_ipv4/ip_tables.h: offsets inside `struct ipt_entry`, linux/netfilter_ipv6/ip6_tables.h: `ip6t_entry` */
  readonly protocolAt: number;
  readonly flagsAt: number;
  readonly inverseAt: number;
  readonly targetOffsetAt: number;
  /** The whole header, counters included. */
  readonly bytes: number;
  /** IPT_F_GOTO, IP6T_F_GOTO */
  readonly gotoFlag: number;
}

export const LAYOUT: Readonly<Record<LegacyFamily, Layout>> = {
  ip: {
    addressBytes: 4,
    protocolAt: 80,
    flagsAt: 82,
    inverseAt: 83,
    targetOffsetAt: 88,
    bytes: 112,
    gotoFlag: 0x02,
  },
  ip6: {
    addressBytes: 16,
    protocolAt: 128,
    flagsAt: 131,
    inverseAt: 132,
    targetOffsetAt: 140,
    bytes: 168,
    gotoFlag: 0x04,
  },
};

/** linux/netfilter/x_tables.h: `struct xt_entry_match { u16 match_size; char name[29]; u8 revision; }`, of a target too */
const PART_HEADER = 32;
const PART_NAME_BYTES = 29;
const REVISION_AT = 31;

/** A match or the target of an entry. */
export interface Part {
  /** "" for the target that is a verdict. */
  readonly name: string;
  readonly revision: number;
  /** The bytes behind its header. */
  readonly data: DataView;
}

export interface Entry {
  /** The offset in the table, by which jumps name it. */
  readonly at: number;
  readonly next: number;
  /** The whole entry; its header is as `LAYOUT` has it. */
  readonly view: DataView;
  readonly matches: readonly Part[];
  readonly target: Part;
}

/** Every entry in its order; stops at the first malformed one. */
export function entriesOf({ family, entries }: LegacyTable): Entry[] {
  const { bytes, targetOffsetAt } = LAYOUT[family];
  const found: Entry[] = [];
  for (let at = 0; at + bytes <= entries.byteLength;) {
    const targetAt = entries.getUint16(at + targetOffsetAt, true);
    const size = entries.getUint16(at + targetOffsetAt + 2, true);
    if (targetAt < bytes || size < targetAt || at + size > entries.byteLength) break;
    const view = new DataView(entries.buffer, entries.byteOffset + at, size);
    const matches = partsOf(view, bytes, targetAt);
    const [target] = partsOf(view, targetAt, size);
    if (matches === undefined || target === undefined) break;
    found.push({ at, next: at + size, view, matches, target });
    at += size;
  }
  return found;
}

function partsOf(entry: DataView, from: number, end: number): Part[] {
  const parts: Part[] = [];
  for (let at = from; at + PART_HEADER <= end;) {
    const size = entry.getUint16(at, true);
    if (size < PART_HEADER || at + size > end) break;
    parts.push({
      name: textAt(entry, at + 2, PART_NAME_BYTES),
      revision: entry.getUint8(at + REVISION_AT),
      data: new DataView(entry.buffer, entry.byteOffset + at + PART_HEADER, size - PART_HEADER),
    });
    at += size;
  }
  return parts;
}

/** A C string in a field of at most `most` bytes. */
export function textAt(view: DataView, at: number, most: number): string {
  const bytes = new Uint8Array(
    view.buffer,
    view.byteOffset + at,
    Math.min(most, view.byteLength - at),
  );
  const zero = bytes.indexOf(0);
  return new TextDecoder().decode(zero < 0 ? bytes : bytes.subarray(0, zero));
}
