/** Frames from a .pcap file, read without libpcap, so that a capture can be replayed anywhere. */

import { closeSync, openSync, readSync } from "node:fs";
import { messageOf, OpError } from "../core/errors.ts";
import { isLinkType, type LinkType } from "../core/link-type.ts";
import type { FrameSink, FrameSource } from "./frame-source.ts";
import { handOut, RECORD_BYTES, type RecordFormat, recordLength } from "./records.ts";

/** `struct pcap_file_header { u32 magic; u16 major, minor; u32 thiszone, sigfigs, snaplen, linktype; }` */
const HEADER_BYTES = 24;

/** The first four bytes, read as big-endian, of each way to write a file. */
const FORMATS: ReadonlyMap<number, RecordFormat> = new Map([
  [0xa1b2c3d4, { littleEndian: false, perMs: 1e3 }],
  [0xd4c3b2a1, { littleEndian: true, perMs: 1e3 }],
  [0xa1b23c4d, { littleEndian: false, perMs: 1e6 }],
  [0x4d3cb2a1, { littleEndian: true, perMs: 1e6 }],
]);

/** The block type a pcapng file begins with. */
const PCAPNG_MAGIC = 0x0a0d0d0a;

/** The upper bits of the link type tell of frame check sequences. */
const LINK_TYPE_BITS = 0xffff;

/** MAXIMUM_SNAPLEN of libpcap: a record that claims more is damage, not a frame. */
const MOST_FRAME_BYTES = 262_144;

const CHUNK_BYTES = 1024 * 1024;

/**
 * Opens a capture file of either byte order, with microseconds or nanoseconds; pipes work too. Throws
 * OpError when it cannot be read, is no .pcap file, or is of a link type that cannot be decoded. A
 * record cut short at the end, as a killed tcpdump leaves it, is the end of the file; a record that
 * cannot be true makes `drain` throw.
 */
export function openCaptureFile(path: string): FrameSource {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    throw new OpError(
      {
        operation: "open",
        object: path,
        detail: messageOf(error),
        code: errnoOf(error),
        remedy: "name a .pcap file that you may read",
      },
      { cause: error },
    );
  }
  try {
    return new FileSource(path, fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

class FileSource implements FrameSource {
  readonly name: string;
  readonly linkType: LinkType;
  readonly fd = -1;
  readonly #format: RecordFormat;
  readonly #bytes = new Uint8Array(CHUNK_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  #file: number | undefined;
  /** What is read and not handed out yet: `#bytes[#from, #to)`. */
  #from = 0;
  #to = 0;
  #handedOut = 0;
  #received = 0;

  constructor(path: string, fd: number) {
    this.name = path;
    this.#file = fd;
    if (!this.#ensure(HEADER_BYTES)) throw this.#failure("it is too short", "name a .pcap file");
    this.#format = this.#readFormat();
    const linkType = this.#view.getUint32(20, this.#format.littleEndian) & LINK_TYPE_BITS;
    if (!isLinkType(linkType)) {
      throw this.#failure(
        `its link type is ${linkType}, which carries no plain IP packets`,
        'capture on an Ethernet, tunnel or loopback interface, or on "any"',
      );
    }
    this.linkType = linkType;
    this.#advance(HEADER_BYTES);
  }

  drain(sink: FrameSink, most: number): number {
    let delivered = 0;
    while (delivered < most && this.#ensure(RECORD_BYTES)) {
      const length = recordLength(this.#view, this.#from, this.#format);
      if (length > MOST_FRAME_BYTES) {
        throw this.#failure(
          `it is damaged: the record at byte ${this.#handedOut} claims ${length} bytes`,
          "make the capture anew",
        );
      }
      if (!this.#ensure(RECORD_BYTES + length)) break;
      handOut(this.#view, this.#from, this.#format, sink);
      this.#advance(RECORD_BYTES + length);
      delivered++;
    }
    this.#received += delivered;
    return delivered;
  }

  /** A file tells nothing of what its writer lost. */
  stats(): { received: number; dropped: number } {
    return { received: this.#received, dropped: 0 };
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #readFormat(): RecordFormat {
    const magic = this.#view.getUint32(0);
    const format = FORMATS.get(magic);
    if (format !== undefined) return format;
    throw magic === PCAPNG_MAGIC
      ? this.#failure("it is a pcapng file", `convert it: editcap -F pcap ${this.name} out.pcap`)
      : this.#failure("it is no capture file", "name a .pcap file, as tcpdump -w writes it");
  }

  /** Reads until `bytes` are there; false when the file ends before. */
  #ensure(bytes: number): boolean {
    if (this.#to - this.#from >= bytes) return true;
    this.#bytes.copyWithin(0, this.#from, this.#to);
    this.#to -= this.#from;
    this.#from = 0;
    while (this.#to < bytes) {
      const read = this.#read();
      if (read === 0) return false;
      this.#to += read;
    }
    return true;
  }

  #read(): number {
    if (this.#file === undefined) throw new TypeError(`The file ${this.name} is closed`);
    try {
      return readSync(this.#file, this.#bytes, this.#to, CHUNK_BYTES - this.#to, null);
    } catch (error) {
      throw this.#failure(messageOf(error), "name a .pcap file that you may read", error);
    }
  }

  #advance(bytes: number): void {
    this.#from += bytes;
    this.#handedOut += bytes;
  }

  #failure(detail: string, remedy: string, cause?: unknown): OpError {
    return new OpError(
      { operation: "read", object: this.name, detail, code: errnoOf(cause), remedy },
      { cause },
    );
  }
}

/** The errno of an error of `node:fs`, which carries it negative; 0 for others. */
function errnoOf(error: unknown): number {
  const hasErrno = error instanceof Error && "errno" in error && typeof error.errno === "number";
  return hasErrno ? Math.abs(error.errno as number) : 0;
}
