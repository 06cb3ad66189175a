/**
 * How a pcapng file describes an interface: the link type of its frames, and how their times are
 * written.
 */

import type { ByteStream } from "./byte-stream.ts";
import { ANEW } from "./capture-file.ts";

/** Options of an interface description block; each is `u16 code, length` and content padded to 4 bytes. */
const OPT_END = 0;
const IF_TSRESOL = 9;
const IF_TSOFFSET = 14;

const OPTION_BYTES = 4;

/** The upper bit of if_tsresol: the resolution is a power of two, not of ten. */
const BINARY_RESOLUTION = 0x80;

/** Microseconds: the resolution of a file that names none. */
const STANDARD_RESOLUTION = 6;

/** A time of the file, in ticks, is `ticks * multiply / divide + offsetMs` in Unix milliseconds. */
interface TickScale {
  readonly multiply: number;
  readonly divide: number;
}

export interface PcapngInterface extends TickScale {
  readonly linkType: number;
  /** How many bytes of a frame are kept at most; 0 is no limit. */
  readonly snaplen: number;
  readonly offsetMs: number;
}

/** One of the two factors is always 1 and the other is exact, so that a time is rounded once. */
function tickScale(resolution: number): TickScale {
  const exponent = resolution & ~BINARY_RESOLUTION;
  if ((resolution & BINARY_RESOLUTION) !== 0) return { multiply: 1000 / 2 ** exponent, divide: 1 };
  return exponent < 3
    ? { multiply: 10 ** (3 - exponent), divide: 1 }
    : { multiply: 1, divide: 10 ** (exponent - 3) };
}

/**
 * Reads the body of an interface description block, `bodyBytes` (8 or more) from the position of
 * `stream`: `u16 linktype, reserved; u32 snaplen;` and options. Stops after the last option at the
 * latest; the caller skips the rest of the block. Throws OpError for an option that ends outside
 * the block.
 */
export function readInterface(
  stream: ByteStream,
  bodyBytes: number,
  littleEndian: boolean,
): PcapngInterface {
  const { view } = stream;
  stream.need(8);
  const linkType = view.getUint16(stream.at, littleEndian);
  const snaplen = view.getUint32(stream.at + 4, littleEndian);
  stream.take(8);
  let resolution = STANDARD_RESOLUTION;
  let offsetMs = 0;
  for (let left = bodyBytes - 8; left >= OPTION_BYTES;) {
    stream.need(OPTION_BYTES);
    const code = view.getUint16(stream.at, littleEndian);
    const length = view.getUint16(stream.at + 2, littleEndian);
    const padded = (length + 3) & ~3;
    left -= OPTION_BYTES + padded;
    if (left < 0) {
      throw stream.failure(
        `it is damaged: the option at byte ${stream.taken} ends outside of its block`,
        ANEW,
      );
    }
    stream.take(OPTION_BYTES);
    if (code === OPT_END) break;
    if (code === IF_TSRESOL && length === 1) {
      stream.need(1);
      resolution = view.getUint8(stream.at);
    }
    if (code === IF_TSOFFSET && length === 8) {
      stream.need(8);
      offsetMs = Number(view.getBigInt64(stream.at, littleEndian)) * 1000;
    }
    stream.skip(padded);
  }
  return { linkType, snaplen, offsetMs, ...tickScale(resolution) };
}
