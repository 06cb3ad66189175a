/** The .pcap format, as tcpdump and libpcap write it: one header, then records. */

import { isLinkType, type LinkType } from "../core/link-type.ts";
import type { ByteStream } from "./byte-stream.ts";
import {
  ANEW,
  type CaptureFile,
  CUT_REMARK,
  foreignLinkType,
  MOST_FRAME_BYTES,
  OTHER_INTERFACE,
} from "./capture-file.ts";
import type { FrameSink } from "./frame-source.ts";
import { RECORD_BYTES, recordTimeMs, type RecordFormat } from "./records.ts";

/** `struct pcap_file_header { u32 magic; u16 major, minor; u32 thiszone, sigfigs, snaplen, linktype; }` */
const HEADER_BYTES = 24;

/** The upper bits of the link type describe frame check sequences. */
const LINK_TYPE_BITS = 0xffff;

interface FileFormat extends RecordFormat {
  readonly recordBytes: number;
}

/**
 * `struct pcap_sf_patched_pkthdr` has `int index; u16 protocol; u8 pkt_type;` and padding behind
 * the other fields.
 */
const PATCHED_RECORD_BYTES = RECORD_BYTES + 8;

/**
 * The first four bytes of each kind of file, read as a big-endian number (sf-pcap.c of libpcap).
 */
const FORMATS: ReadonlyMap<number, FileFormat> = new Map([
  [0xa1b2c3d4, { littleEndian: false, perMs: 1e3, recordBytes: RECORD_BYTES }],
  [0xd4c3b2a1, { littleEndian: true, perMs: 1e3, recordBytes: RECORD_BYTES }],
  [0xa1b23c4d, { littleEndian: false, perMs: 1e6, recordBytes: RECORD_BYTES }],
  [0x4d3cb2a1, { littleEndian: true, perMs: 1e6, recordBytes: RECORD_BYTES }],
  // libpcap as Alexey Kuznetsov patched it for Linux, in distributions before 2002
  [0xa1b2cd34, { littleEndian: false, perMs: 1e3, recordBytes: PATCHED_RECORD_BYTES }],
  [0x34cdb2a1, { littleEndian: true, perMs: 1e3, recordBytes: PATCHED_RECORD_BYTES }],
]);

/** Whether a file that begins with `magic` is of this format. */
export function isPcap(magic: number): boolean {
  return FORMATS.has(magic);
}

export class PcapFile implements CaptureFile {
  readonly name: string;
  readonly #stream: ByteStream;
  readonly #format: FileFormat;
  readonly #linkType: LinkType;
  /** Old writers swap the two lengths of a record. */
  readonly #areLengthsSwapped: boolean;
  #isCut = false;

  /**
   * `stream` is at the first byte of a file that `isPcap`. Throws OpError for an unusable header.
   */
  constructor(stream: ByteStream) {
    this.name = stream.name;
    this.#stream = stream;
    if (!stream.has(HEADER_BYTES)) throw stream.failure("it is cut short in its header", ANEW);
    const { view } = stream;
    this.#format = FORMATS.get(view.getUint32(0))!;
    const { littleEndian } = this.#format;
    const major = view.getUint16(4, littleEndian);
    const minor = view.getUint16(6, littleEndian);
    // DG/UX wrote 543.0.
    if (!(major === 2 && minor <= 4) && !(major === 543 && minor === 0)) {
      throw stream.failure(`it is of version ${major}.${minor} of its format, not of 2.4`, ANEW);
    }
    this.#areLengthsSwapped = major !== 2 || minor < 4;
    const linkType = view.getUint32(20, littleEndian) & LINK_TYPE_BITS;
    if (!isLinkType(linkType)) throw stream.failure(foreignLinkType(linkType), OTHER_INTERFACE);
    this.#linkType = linkType;
    stream.take(HEADER_BYTES);
  }

  drain(sink: FrameSink, most: number): number {
    const stream = this.#stream;
    const { view } = stream;
    const { littleEndian, recordBytes } = this.#format;
    let delivered = 0;
    while (delivered < most && stream.has(recordBytes)) {
      const captured = view.getUint32(stream.at + 8, littleEndian);
      const length = this.#areLengthsSwapped
        ? Math.min(captured, view.getUint32(stream.at + 12, littleEndian))
        : captured;
      if (length > MOST_FRAME_BYTES) {
        throw stream.failure(
          `it is damaged: the record at byte ${stream.taken} claims ${length} bytes`,
          ANEW,
        );
      }
      if (!stream.has(recordBytes + length)) break;
      const { at } = stream;
      sink(view, at + recordBytes, length, recordTimeMs(view, at, this.#format), this.#linkType);
      stream.take(recordBytes + length);
      delivered++;
    }
    this.#isCut = delivered < most && stream.has(1);
    return delivered;
  }

  remarks(): string[] {
    return this.#isCut ? [CUT_REMARK] : [];
  }

  close(): void {
    this.#stream.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
