/**
 * An hour of a server on the Internet as a capture file: noise, scans and floods, none of it honest. The
 * same seed makes the same file, which tcpdump reads.
 */

import { closeSync, openSync, writeSync } from "node:fs";
import { RECORD_BYTES } from "../../src/capture/records.ts";
import { LinkType } from "../../src/core/link-type.ts";
import { frame, ipv4, ipv6, tcp, udp } from "../support/frames.ts";
import { randomFrom } from "../support/random.ts";
import { ForgedFrame } from "./load/forged-frame.ts";

export interface HourOptions {
  /** Seconds that the capture covers: 3,600 make an hour. */
  readonly seconds: number;
  readonly seed: number;
  /** Its destination. */
  readonly server4: string;
  readonly server6: string;
  /** The ports a flood goes to. */
  readonly range: readonly [from: number, to: number];
  /** Ports that daemons beside sallyport listen to, and that strangers hit by chance. */
  readonly strayPorts: readonly number[];
  readonly strayDatagramPort: number;
}

/** Frames of each kind; also the number of each in one second. */
export interface HourMix {
  /** A SYN from anywhere to any port. */
  readonly noise4: number;
  readonly noise6: number;
  /** A SYN, or a datagram, to a port that another daemon listens on. */
  readonly strays: number;
  readonly datagrams: number;
  /** One source, every port in turn. */
  readonly scan: number;
  /** Forged sources, ports of the knock range. */
  readonly flood: number;
}

const EVERY_SECONDS = 600;
const SCAN = { from: 120, seconds: 60 } as const;
const FLOOD = { from: 420, seconds: 20, perSecond: 3_000 } as const;

const PCAP_HEADER_BYTES = 24;
const PCAP_MAGIC = 0xa1b2c3d4; // microseconds, written in this machine's order: little-endian
const START_SECONDS = 1_800_000_000;

/** Six times an hour a scan of every port, and six times a flood; short hours have one of each. */
function mixOf(second: number, seconds: number): HourMix {
  const short = seconds < EVERY_SECONDS;
  const at = short ? (second * EVERY_SECONDS) / seconds : second % EVERY_SECONDS;
  const runs = ({ from, seconds: lasts }: { from: number; seconds: number }) =>
    at >= from && at < from + lasts;
  return {
    noise4: 80,
    noise6: 10,
    strays: 5,
    datagrams: 5,
    scan: runs(SCAN) ? Math.ceil(65_535 / SCAN.seconds) : 0,
    flood: runs(FLOOD) ? FLOOD.perSecond : 0,
  };
}

function header(): Uint8Array {
  const view = new DataView(new ArrayBuffer(PCAP_HEADER_BYTES));
  view.setUint32(0, PCAP_MAGIC, true);
  view.setUint16(4, 2, true); // version 2.4
  view.setUint16(6, 4, true);
  view.setUint32(16, 65_535, true); // longest frame
  view.setUint32(20, LinkType.ethernet, true);
  return new Uint8Array(view.buffer);
}

/** Writes the file and returns the counts of its frames. */
export function writeHour(file: string, options: HourOptions): HourMix {
  const { seconds, range, strayPorts } = options;
  const random = randomFrom(options.seed);
  const syn4 = new ForgedFrame(frame(LinkType.ethernet, ipv4("11.0.0.1", options.server4, tcp(1))));
  const syn6 = new ForgedFrame(
    frame(LinkType.ethernet, ipv6("2001:db8::1", options.server6, tcp(1))),
  );
  const junk = udp(1, { payload: new Uint8Array(180).fill(0x41) }); // as long as a fwknop packet
  const datagram = new ForgedFrame(
    frame(LinkType.ethernet, ipv4("11.0.0.1", options.server4, junk)),
  );
  let scanned = 0;
  const anyPort = () => 1 + random(65_535);
  const forge: Record<keyof HourMix, () => Uint8Array> = {
    noise4: () => syn4.forge(random, anyPort()),
    noise6: () => syn6.forge(random, anyPort()),
    strays: () => syn4.forge(random, strayPorts[random(strayPorts.length)]!),
    datagrams: () => datagram.forge(random, options.strayDatagramPort),
    scan: () => syn4.forge(() => 7, 1 + (scanned++ % 65_535)),
    flood: () => syn4.forge(random, range[0] + random(range[1] - range[0] + 1)),
  };
  const kinds = Object.keys(forge) as (keyof HourMix)[];
  const total = { noise4: 0, noise6: 0, strays: 0, datagrams: 0, scan: 0, flood: 0 };
  const fd = openSync(file, "w", 0o600);
  try {
    writeSync(fd, header());
    for (let second = 0; second < seconds; second++) {
      const left = { ...mixOf(second, seconds) };
      const count = kinds.reduce((sum, kind) => sum + left[kind], 0);
      const records: Uint8Array[] = [];
      for (let i = 0; i < count; i++) {
        const kind = draw(left, kinds, random(count - i));
        total[kind]++;
        records.push(
          ...record(forge[kind](), START_SECONDS + second, Math.floor((i * 1e6) / count)),
        );
      }
      writeSync(fd, Buffer.concat(records));
    }
  } finally {
    closeSync(fd);
  }
  return total;
}

/** Takes the kind that the `nth` of all frames left belongs to. */
function draw(
  left: Record<keyof HourMix, number>,
  kinds: readonly (keyof HourMix)[],
  nth: number,
): keyof HourMix {
  let rest = nth;
  for (const kind of kinds) {
    if (rest < left[kind]) {
      left[kind]--;
      return kind;
    }
    rest -= left[kind];
  }
  throw new RangeError("More frames drawn than there are");
}

function record(bytes: Uint8Array, seconds: number, micros: number): [Uint8Array, Uint8Array] {
  const head = new DataView(new ArrayBuffer(RECORD_BYTES));
  head.setUint32(0, seconds, true);
  head.setUint32(4, micros, true);
  head.setUint32(8, bytes.length, true);
  head.setUint32(12, bytes.length, true);
  return [new Uint8Array(head.buffer), bytes];
}
