/** What a pcapng file says of an interface it holds frames of: their link type and how their times are written. */

import type { ByteStream } from "./byte-stream.ts";
import { ANEW } from "./capture-file.ts";

/** Options of an interface description block; each is `u16 code, length` and content padded to 4 bytes. */
const OPT_END = 0;
const IF_TSRESOL = 9;
const IF_TSOFFSET = 14;

const OPTION_BYTES = 4;

/** The upper bit of if_tsresol: a power of two and not of ten. */
const BINARY_RESOLUTION = 0x80;

/** Microseconds, where the file does not say. */
const STANDARD_RESOLUTION = 6;

/** A time of the file, in ticks, is `ticks * multiply / divide + offsetMs` in Unix milliseconds. */
interface TickScale {
  readonly multiply: number;
  readonly divide: number;
}

export interface PcapngInterface extends TickScale {
  readonly linkType: number;
  /** Most bytes kept of a frame; 0 is no limit. */
  readonly snaplen: number;
  readonly offsetMs: number;
}

/** One of the two factors is always 1 and the other exact, so that a time is rounded once. */
function tickScale(resolution: number): TickScale {
  const exponent = resolution & ~BINARY_RESOLUTION;
  if ((resolution & BINARY_RESOLUTION) !== 0) return { multiply: 1000 / 2 ** exponent, divide: 1 };
  return exponent < 3
    ? { multiply: 10 ** (3 - exponent), divide: 1 }
    : { multiply: 1, divide: 10 ** (exponent - 3) };
}

/**
 * Reads the body of an interface description block, `bodyBytes` (8 or more) from where `stream` stands:
 * `u16 linktype, reserved; u32 snaplen;` and options. Takes it up to the end of its last option at most,
 * so the caller skips the rest. Throws OpError at an option that ends outside.
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
