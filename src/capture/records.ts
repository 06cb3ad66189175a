/** Records of a capture file in memory: the header before each frame. */

import type { LinkType } from "../core/link-type.ts";
import type { FrameSink } from "./frame-source.ts";

/** `struct pcap_sf_pkthdr { u32 seconds, fraction, caplen, len; }` */
export const RECORD_BYTES = 16;

/** How a capture file writes numbers. */
export interface RecordFormat {
  readonly littleEndian: boolean;
  /** Units of the fraction in a millisecond: 1e3 for microseconds, 1e6 for nanoseconds. */
  readonly perMs: number;
}

/** The length in bytes of the frame that follows the record header at `at`. */
export function recordLength(records: DataView, at: number, format: RecordFormat): number {
  return records.getUint32(at + 8, format.littleEndian);
}

/** When the frame of the record at `at` was captured, in Unix milliseconds. */
export function recordTimeMs(records: DataView, at: number, format: RecordFormat): number {
  const seconds = records.getUint32(at, format.littleEndian);
  const fraction = records.getUint32(at + 4, format.littleEndian);
  return seconds * 1000 + fraction / format.perMs;
}

/** Hands the frame of the whole record at `at` to `sink`. Returns the offset of the next record. */
export function handOut(
  records: DataView,
  at: number,
  format: RecordFormat,
  linkType: LinkType,
  sink: FrameSink,
): number {
  const length = recordLength(records, at, format);
  sink(records, at + RECORD_BYTES, length, recordTimeMs(records, at, format), linkType);
  return at + RECORD_BYTES + length;
}
