/** Writes pcapng files block by block, right or wrong as a test needs them. */

import { bytes, concat } from "./frames.ts";

export type Option = readonly [code: number, content: Uint8Array];

function padded(content: Uint8Array): Uint8Array {
  return concat(content, new Uint8Array(-content.length & 3));
}

/** Blocks in one byte order. Each call returns the bytes of one block. */
export class Pcapng {
  readonly #little: boolean;

  constructor(littleEndian = true) {
    this.#little = littleEndian;
  }

  /**
   * A block of any type; `claim` in place of its length, `again` in place of the length behind it.
   */
  block(
    type: number,
    body: Uint8Array,
    { claim = body.length + 12, again = claim }: { claim?: number; again?: number } = {},
  ): Uint8Array {
    return concat(this.u32(type, claim), body, this.u32(again));
  }

  section({ major = 1, minor = 0, magic = 0x1a2b3c4d } = {}, ...options: readonly Option[]) {
    const fixed = concat(this.u32(magic), this.u16(major, minor), this.u32(-1, -1));
    return this.block(0x0a0d0d0a, concat(fixed, this.options(options)));
  }

  interface(linkType: number, snaplen = 0, ...options: readonly Option[]): Uint8Array {
    const fixed = concat(this.u16(linkType, 0), this.u32(snaplen));
    return this.block(1, concat(fixed, this.options(options)));
  }

  /** An enhanced packet block; `captured` in place of the frame's own length. */
  packet(
    index: number,
    ticks: bigint,
    frame: Uint8Array,
    { captured = frame.length, options = [] as readonly Option[] } = {},
  ): Uint8Array {
    const fixed = concat(this.u32(index), this.ticks(ticks), this.u32(captured, frame.length));
    return this.block(6, concat(fixed, padded(frame), this.options(options)));
  }

  obsoletePacket(index: number, ticks: bigint, frame: Uint8Array, drops = 0xffff): Uint8Array {
    const lengths = this.u32(frame.length, frame.length);
    return this.block(2, concat(this.u16(index, drops), this.ticks(ticks), lengths, padded(frame)));
  }

  simplePacket(frame: Uint8Array, original = frame.length): Uint8Array {
    return this.block(3, concat(this.u32(original), padded(frame)));
  }

  /** if_tsresol */
  resolution(value: number): Option {
    return [9, bytes(value)];
  }

  /** if_tsoffset, in seconds */
  offset(seconds: bigint): Option {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigInt64(0, seconds, this.#little);
    return [14, new Uint8Array(view.buffer)];
  }

  options(options: readonly Option[]): Uint8Array {
    if (options.length === 0) return new Uint8Array(0);
    const written = options.map(([code, content]) =>
      concat(this.u16(code, content.length), padded(content)),
    );
    return concat(...written, this.u16(0, 0));
  }

  ticks(value: bigint): Uint8Array {
    return this.u32(Number(value >> 32n), Number(value & 0xffff_ffffn));
  }

  u16(...values: readonly number[]): Uint8Array {
    const view = new DataView(new ArrayBuffer(values.length * 2));
    for (const [i, value] of values.entries()) view.setUint16(i * 2, value, this.#little);
    return new Uint8Array(view.buffer);
  }

  u32(...values: readonly number[]): Uint8Array {
    const view = new DataView(new ArrayBuffer(values.length * 4));
    for (const [i, value] of values.entries()) view.setUint32(i * 4, value, this.#little);
    return new Uint8Array(view.buffer);
  }
}
