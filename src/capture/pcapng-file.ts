/**
 * The pcapng format, as Wireshark and dumpcap write it: blocks. Some describe interfaces, some hold
 * frames.
 */

import { isLinkType } from "../core/link-type.ts";
import { type ByteStream, CutShort } from "./byte-stream.ts";
import {
  ANEW,
  type CaptureFile,
  CUT_REMARK,
  dated,
  foreignLinkType,
  MOST_FRAME_BYTES,
  OTHER_INTERFACE,
} from "./capture-file.ts";
import type { FrameSink } from "./frame-source.ts";
import { type PcapngInterface, readInterface } from "./pcapng-interface.ts";

/** Block types (draft-ietf-opsawg-pcapng). */
const Block = {
  /** The same in both byte orders. */
  section: 0x0a0d0d0a,
  interface: 1,
  /** Obsolete since 2004. */
  packet: 2,
  simplePacket: 3,
  enhancedPacket: 6,
} as const;

/** The first field of a section, in the section's own byte order. */
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** `u32 type, total_length;` before the body; the length stands again behind it */
const HEAD_BYTES = 8;
const TAIL_BYTES = 4;

/** `u32 magic; u16 major, minor; i64 section_length;` */
const SECTION_BYTES = 16;
const INTERFACE_BYTES = 8;
/**
 * `u32 interface, time_high, time_low, captured, original;`; the obsolete block begins with
 * `u16 interface, drops;`
 */
const PACKET_BYTES = 20;
/** `u32 original;` */
const SIMPLE_BYTES = 4;

const FIXED_BYTES: ReadonlyMap<number, number> = new Map([
  [Block.section, SECTION_BYTES],
  [Block.interface, INTERFACE_BYTES],
  [Block.packet, PACKET_BYTES],
  [Block.simplePacket, SIMPLE_BYTES],
  [Block.enhancedPacket, PACKET_BYTES],
]);

/** Link types that get a remark each; the frames of all others share one. */
const MOST_TOLD = 8;

/** More than any machine has: a file full of descriptions must not fill the memory. */
const MOST_INTERFACES = 65_536;

/** Whether a file that begins with `magic` is of this format. */
export function isPcapng(magic: number): boolean {
  return magic === Block.section;
}

export class PcapngFile implements CaptureFile {
  readonly name: string;
  readonly #stream: ByteStream;
  /** The byte order of the current section; the interfaces belong to it too. */
  #littleEndian = true;
  #interfaces: PcapngInterface[] = [];
  /** Frames that were not handed out, by link type. */
  readonly #foreign = new Map<number, number>();
  #handedOut = 0;
  #isCut = false;

  /**
   * `stream` is at the first byte of a file that `isPcapng`. Throws OpError for an unusable first
   * section.
   */
  constructor(stream: ByteStream) {
    this.name = stream.name;
    this.#stream = stream;
    if (!stream.has(HEAD_BYTES + SECTION_BYTES)) {
      throw stream.failure("it is cut short in its header", ANEW);
    }
    this.#followByteOrder();
  }

  drain(sink: FrameSink, most: number): number {
    if (this.#isCut) return 0; // it stands inside a block
    const before = this.#handedOut;
    try {
      while (this.#handedOut - before < most && this.#stream.has(1)) this.#readBlock(sink);
    } catch (error) {
      if (!(error instanceof CutShort)) throw error;
      this.#isCut = true;
    }
    const [foreign] = this.#foreign.keys();
    if (this.#handedOut === 0 && foreign !== undefined) {
      throw this.#stream.failure(foreignLinkType(foreign), OTHER_INTERFACE);
    }
    return this.#handedOut - before;
  }

  remarks(): string[] {
    const all = [...this.#foreign];
    const foreign = all.slice(0, MOST_TOLD).map(([linkType, frames]) => {
      return frames === 1
        ? `1 frame was not looked at: ${foreignLinkType(linkType)}`
        : `${frames} frames were not looked at: ${foreignLinkType(linkType, "their")}`;
    });
    const others = all.slice(MOST_TOLD);
    if (others.length > 0) {
      const frames = others.reduce((sum, [, count]) => sum + count, 0);
      foreign.push(
        `Of ${others.length} more link types that carry no plain IP packets, frames not looked at: ${frames}`,
      );
    }
    return this.#isCut ? [...foreign, CUT_REMARK] : foreign;
  }

  close(): void {
    this.#stream.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #readBlock(sink: FrameSink): void {
    const stream = this.#stream;
    const { view } = stream;
    const start = stream.taken;
    stream.need(HEAD_BYTES);
    const type = view.getUint32(stream.at, this.#littleEndian);
    if (type === Block.section) {
      stream.need(HEAD_BYTES + SECTION_BYTES);
      this.#followByteOrder();
    }
    const length = view.getUint32(stream.at + 4, this.#littleEndian);
    const fixed = FIXED_BYTES.get(type) ?? 0;
    if (length % 4 !== 0 || length < HEAD_BYTES + fixed + TAIL_BYTES) {
      throw this.#damaged(`the block at byte ${start} claims ${length} bytes`);
    }
    stream.need(HEAD_BYTES + fixed);
    stream.take(HEAD_BYTES);
    this.#readBody(type, length - HEAD_BYTES - TAIL_BYTES, sink);
    stream.skip(start + length - TAIL_BYTES - stream.taken);
    stream.need(TAIL_BYTES);
    const again = view.getUint32(stream.at, this.#littleEndian);
    if (again !== length) {
      throw this.#damaged(
        `the block at byte ${start} claims ${length} bytes and ends with ${again}`,
      );
    }
    stream.take(TAIL_BYTES);
  }

  /** The known part of the block is in `view`; the rest of the block is skipped. */
  #readBody(type: number, bodyBytes: number, sink: FrameSink): void {
    const { view, at } = this.#stream;
    const little = this.#littleEndian;
    switch (type) {
      case Block.section:
        this.#interfaces = [];
        return;
      case Block.interface:
        if (this.#interfaces.length === MOST_INTERFACES) {
          throw this.#damaged(`it describes more than ${MOST_INTERFACES} interfaces`);
        }
        this.#interfaces.push(readInterface(this.#stream, bodyBytes, little));
        return;
      case Block.enhancedPacket:
        this.#readPacket(view.getUint32(at, little), bodyBytes, sink);
        return;
      case Block.packet:
        this.#readPacket(view.getUint16(at, little), bodyBytes, sink);
        return;
      case Block.simplePacket: {
        const from = this.#interface(0);
        const original = view.getUint32(at, little);
        const kept = from.snaplen === 0 ? original : Math.min(original, from.snaplen);
        this.#stream.take(SIMPLE_BYTES);
        const length = Math.min(kept, bodyBytes - SIMPLE_BYTES);
        this.#handOut(from, length, bodyBytes - SIMPLE_BYTES, Number.NaN, sink);
        return;
      }
      default:
    }
  }

  #readPacket(index: number, bodyBytes: number, sink: FrameSink): void {
    const { view, at } = this.#stream;
    const little = this.#littleEndian;
    const from = this.#interface(index);
    const ticks = view.getUint32(at + 4, little) * 2 ** 32 + view.getUint32(at + 8, little);
    const timeMs = dated((ticks * from.multiply) / from.divide + from.offsetMs);
    const captured = view.getUint32(at + 12, little);
    this.#stream.take(PACKET_BYTES);
    this.#handOut(from, captured, bodyBytes - PACKET_BYTES, timeMs, sink);
  }

  /** `room` is the number of bytes that the block has behind the fields of its packet. */
  #handOut(
    from: PcapngInterface,
    length: number,
    room: number,
    timeMs: number,
    sink: FrameSink,
  ): void {
    const stream = this.#stream;
    if (length > room) {
      throw this.#damaged(`the frame at byte ${stream.taken} claims ${length} of ${room} bytes`);
    }
    if (!isLinkType(from.linkType)) {
      this.#foreign.set(from.linkType, (this.#foreign.get(from.linkType) ?? 0) + 1);
      return;
    }
    if (length > MOST_FRAME_BYTES) {
      throw this.#damaged(`the frame at byte ${stream.taken} claims ${length} bytes`);
    }
    stream.need(length);
    this.#handedOut++;
    sink(stream.view, stream.at, length, timeMs, from.linkType);
    stream.take(length);
  }

  #interface(index: number): PcapngInterface {
    const described = this.#interfaces[index];
    if (described !== undefined) return described;
    throw this.#damaged(
      `the packet at byte ${this.#stream.taken} is of interface ${index}, which it does not describe`,
    );
  }

  /** Sets the byte order of the section that begins at `at`; its first fields are in `view`. */
  #followByteOrder(): void {
    const { view, at, taken } = this.#stream;
    this.#littleEndian = view.getUint32(at + HEAD_BYTES, true) === BYTE_ORDER_MAGIC;
    if (!this.#littleEndian && view.getUint32(at + HEAD_BYTES) !== BYTE_ORDER_MAGIC) {
      throw this.#damaged(`the section at byte ${taken} has no valid byte order`);
    }
    const major = view.getUint16(at + HEAD_BYTES + 4, this.#littleEndian);
    const minor = view.getUint16(at + HEAD_BYTES + 6, this.#littleEndian);
    if (major !== 1) {
      throw this.#stream.failure(
        `it is of version ${major}.${minor} of its format, not of 1.0`,
        ANEW,
      );
    }
  }

  #damaged(what: string): Error {
    return this.#stream.failure(`it is damaged: ${what}`, ANEW);
  }
}
