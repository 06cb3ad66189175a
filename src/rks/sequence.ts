/** The ports of one slot: docs/rks.md, "Deriving the ports". */

import { Mac } from "./mac.ts";
import type { KnockSpace } from "./space.ts";

const BLOCK_BYTES = 32; // one HMAC-SHA-256
const DRAWS = 65_536; // values of a u16

/** The terms of a knock space that decide which ports are drawn. */
export type DrawTerms = Pick<KnockSpace, "lo" | "hi" | "ports">;

/** Draws the sequences of one door for many keys and slots, without an object for each of them. */
export class SequenceDeriver {
  readonly #lo: number;
  readonly #range: number;
  readonly #ports: number;
  /**
   * A draw above the last whole multiple of the range would make low ports likelier than high ones.
   */
  readonly #limit: number;
  readonly #mac: Mac;
  readonly #message: DataView;

  /** Throws a RangeError where the range has fewer ports than a sequence needs. */
  constructor(door: string, { lo, hi, ports }: DrawTerms) {
    const range = hi - lo + 1;
    if (!(ports <= range)) throw new RangeError("A knock range holds fewer ports than a knock");
    this.#lo = lo;
    this.#range = range;
    this.#ports = ports;
    this.#limit = DRAWS - (DRAWS % range);
    this.#mac = new Mac(new TextEncoder().encode(`RKS1\0ports\0${door}\0............`));
    const { buffer, byteOffset, byteLength } = this.#mac.message;
    this.#message = new DataView(buffer, byteOffset, byteLength);
  }

  /** Turns to a slot, a whole number from 0 to 2^53 − 1. Call it before the first `derive`. */
  turnTo(slot: number): void {
    const at = this.#message.byteLength - 12;
    this.#message.setUint32(at, Math.floor(slot / 2 ** 32));
    this.#message.setUint32(at + 4, slot % 2 ** 32);
  }

  /**
   * Writes the ports of the key `keys[keyAt … keyAt + keyBytes)` to `into` from `at` on, in the
   * order drawn. All keys have the same length, at most 64 bytes.
   */
  derive(keys: Uint8Array, keyAt: number, keyBytes: number, into: Uint16Array, at: number): void {
    const counterAt = this.#message.byteLength - 4;
    const lo = this.#lo;
    const range = this.#range;
    const limit = this.#limit;
    const end = at + this.#ports;
    let next = at;
    for (let block = 0; ; block++) {
      this.#message.setUint32(counterAt, block);
      const bytes = this.#mac.sign(keys, keyAt, keyBytes);
      for (let i = 0; i < BLOCK_BYTES; i += 2) {
        const draw = (bytes[i]! << 8) | bytes[i + 1]!;
        if (draw >= limit) continue;
        const port = lo + (draw % range);
        // Written behind the drawn ports, and kept only if it is new; a typed array's own search
        // costs more than eight steps.
        into[next] = port;
        let first = at;
        while (into[first] !== port) first++;
        if (first === next) next++;
        if (next === end) return;
      }
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
