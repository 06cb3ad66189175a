/** Capture files made by hand: the way to give knocks any time without touching a clock. */

import { writeFileSync } from "node:fs";
import { LinkType } from "../../src/core/link-type.ts";
import { frame, ipv4, tcp } from "../support/frames.ts";

/** A SYN from an address at a Unix time in milliseconds. */
export interface TimedKnock {
  readonly atMs: number;
  readonly from: string;
  readonly port: number;
}

/** Writes SYNs to 10.77.0.1 as a .pcap file (Ethernet, microseconds), in the order given. */
export function writeCapture(path: string, knocks: readonly TimedKnock[]): void {
  const header = new DataView(new ArrayBuffer(24));
  header.setUint32(0, 0xa1b2c3d4, true);
  header.setUint16(4, 2, true);
  header.setUint16(6, 4, true);
  header.setUint32(16, 65_535, true);
  header.setUint32(20, LinkType.ethernet, true);
  const records = knocks.map(({ atMs, from, port }) => {
    const bytes = frame(LinkType.ethernet, ipv4(from, "10.77.0.1", tcp(port)));
    const record = new DataView(new ArrayBuffer(16));
    record.setUint32(0, Math.floor(atMs / 1_000), true);
    record.setUint32(4, Math.round((atMs % 1_000) * 1_000), true);
    record.setUint32(8, bytes.length, true);
    record.setUint32(12, bytes.length, true);
    return Buffer.concat([Buffer.from(record.buffer), bytes]);
  });
  writeFileSync(path, Buffer.concat([Buffer.from(header.buffer), ...records]));
}
