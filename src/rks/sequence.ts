/** The ports of one slot: docs/rks.md, "Deriving the ports". */

import { Mac } from "./mac.ts";
import type { KnockSpace } from "./space.ts";

const BLOCK_BYTES = 32; // one HMAC-SHA-256
const DRAWS = 65_536; // values of a u16
const COUNTER_BYTES = 8 + 4; // of the slot, and of the block

/** The terms of a knock space that decide which ports are drawn. */
export type DrawTerms = Pick<KnockSpace, "lo" | "hi" | "ports">;

/** Draws ports from the blocks of a MAC, without an object for each sequence. */
class Draws {
  readonly #lo: number;
  readonly #range: number;
  readonly #ports: number;
  /**
   * A draw above the last whole multiple of the range would make low ports likelier than high ones.
   */
  readonly #limit: number;

  /** Throws a RangeError where the range has fewer ports than a sequence needs. */
  constructor({ lo, hi, ports }: DrawTerms) {
    const range = hi - lo + 1;
    if (!(ports <= range)) throw new RangeError("A knock range holds fewer ports than a knock");
    this.#lo = lo;
    this.#range = range;
    this.#ports = ports;
    this.#limit = DRAWS - (DRAWS % range);
  }

  /**
   * Writes the new ports of a block to the sequence that begins at `into[at]`, of which `drawn` are
   * there. Returns how many there are now; at `ports` it is whole.
   */
  take(block: Uint8Array, into: Uint16Array, at: number, drawn: number): number {
    const lo = this.#lo;
    const range = this.#range;
    const limit = this.#limit;
    const end = at + this.#ports;
    let next = at + drawn;
    for (let i = 0; i < BLOCK_BYTES; i += 2) {
      const draw = (block[i]! << 8) | block[i + 1]!;
      if (draw >= limit) continue;
      const port = lo + (draw % range);
      // Written behind the drawn ports, and kept only if it is new; a typed array's own search
      // costs more than eight steps.
      into[next] = port;
      let first = at;
      while (into[first] !== port) first++;
      if (first === next) next++;
      if (next === end) break;
    }
    return next - at;
  }
}

/** What a MAC signs, with slot and block at zero. */
function messageOf(door: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`RKS1\0ports\0${door}\0${"\0".repeat(COUNTER_BYTES)}`);
}

/** Writes a slot, a whole number from 0 to 2^53 − 1, into a message. */
function writeSlot(message: DataView, slot: number): void {
  const at = message.byteLength - COUNTER_BYTES;
  message.setUint32(at, Math.floor(slot / 2 ** 32));
  message.setUint32(at + 4, slot % 2 ** 32);
}

function writeBlock(message: DataView, block: number): void {
  message.setUint32(message.byteLength - 4, block);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Draws the sequences of one door for many keys and slots, without an object for each of them. */
export class SequenceDeriver {
  readonly #ports: number;
  readonly #draws: Draws;
  readonly #mac: Mac;
  readonly #message: DataView;

  /** Throws a RangeError where the range has fewer ports than a sequence needs. */
  constructor(door: string, terms: DrawTerms) {
    this.#ports = terms.ports;
    this.#draws = new Draws(terms);
    this.#mac = new Mac(messageOf(door));
    this.#message = viewOf(this.#mac.message);
  }

  /** Turns to a slot, a whole number from 0 to 2^53 − 1. Call it before the first `derive`. */
  turnTo(slot: number): void {
    writeSlot(this.#message, slot);
  }

  /**
   * Writes the ports of the key `keys[keyAt … keyAt + keyBytes)` to `into` from `at` on, in the
   * order drawn. All keys have the same length, at most 64 bytes.
   */
  derive(keys: Uint8Array, keyAt: number, keyBytes: number, into: Uint16Array, at: number): void {
    let drawn = 0;
    for (let block = 0; drawn < this.#ports; block++) {
      writeBlock(this.#message, block);
      drawn = this.#draws.take(this.#mac.sign(keys, keyAt, keyBytes), into, at, drawn);
    }
  }
}

/**
 * The `ports` distinct ports of a door in a slot, in the order drawn. `slot` is a whole number from
 * 0 to 2^53 − 1, `key` has at most 64 bytes. Throws a RangeError where the range has fewer ports
 * than the sequence needs.
 */
export function sequencePorts(
  key: Uint8Array,
  door: string,
  space: DrawTerms,
  slot: number,
): Uint16Array {
  const deriver = new SequenceDeriver(door, space);
  const ports = new Uint16Array(space.ports);
  deriver.turnTo(slot);
  deriver.derive(key, 0, key.length, ports, 0);
  return ports;
}

/**
 * The same for a key that nobody can read: `sign` returns HMAC-SHA-256 of a message under it, as
 * WebCrypto does.
 */
export async function sequencePortsBy(
  sign: (message: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>,
  door: string,
  terms: DrawTerms,
  slot: number,
): Promise<Uint16Array> {
  const draws = new Draws(terms);
  const message = messageOf(door);
  const view = viewOf(message);
  const ports = new Uint16Array(terms.ports);
  let drawn = 0;
  writeSlot(view, slot);
  for (let block = 0; drawn < terms.ports; block++) {
    writeBlock(view, block);
    drawn = draws.take(await sign(message), ports, 0, drawn);
  }
  return ports;
}
