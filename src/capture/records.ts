/** Records of a capture file, in memory: what stands before each frame. */

import type { FrameSink } from "./frame-source.ts";

/** `struct pcap_sf_pkthdr { u32 seconds, fraction, caplen, len; }` */
export const RECORD_BYTES = 16;

/** How the numbers of a capture file are written. */
export interface RecordFormat {
  readonly littleEndian: boolean;
  /** Units of the fraction in a millisecond: 1e3 for microseconds, 1e6 for nanoseconds. */
  readonly perMs: number;
}

/** Unix milliseconds of the record at `at`, with a fraction. */
export function recordTimeMs(records: DataView, at: number, format: RecordFormat): number {
  const seconds = records.getUint32(at, format.littleEndian);
  return seconds * 1000 + records.getUint32(at + 4, format.littleEndian) / format.perMs;
}

/** Bytes of the frame that follows the record header at `at`. */
export function recordLength(records: DataView, at: number, format: RecordFormat): number {
  return records.getUint32(at + 8, format.littleEndian);
}

/** Hands the frames of `count` whole records, which begin at offset 0, to `sink`. */
export function eachRecord(
  records: DataView,
  count: number,
  format: RecordFormat,
  sink: FrameSink,
): void {
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = recordLength(records, at, format);
    sink(records, at + RECORD_BYTES, length, recordTimeMs(records, at, format));
    at += RECORD_BYTES + length;
  }
}
