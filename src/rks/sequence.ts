/** The ports of one slot: docs/rks.md, "Deriving the ports". */

import type { KnockSpace } from "./space.ts";

const BLOCK_BYTES = 32; // one HMAC-SHA-256
const DRAWS = 65_536; // values of a u16

/**
 * The `ports` distinct ports of a door in a slot, in order of drawing. `slot` is a whole number from 0
 * to 2^53 − 1. Throws a RangeError where the range has fewer ports than the sequence needs.
 */
export function sequencePorts(
  key: Uint8Array,
  door: string,
  space: Pick<KnockSpace, "lo" | "hi" | "ports">,
  slot: number,
): Uint16Array {
  const range = space.hi - space.lo + 1;
  if (!(space.ports <= range)) throw new RangeError("A knock range holds fewer ports than a knock");
  // A draw above the last whole multiple of `range` would make the low ports likelier than the high ones.
  const limit = DRAWS - (DRAWS % range);
  const message = Buffer.from(`RKS1\0ports\0${door}\0............`, "latin1");
  const counterAt = message.length - 4;
  message.writeUInt32BE(Math.floor(slot / 2 ** 32), counterAt - 8);
  message.writeUInt32BE(slot % 2 ** 32, counterAt - 4);

  const ports = new Uint16Array(space.ports);
  let drawn = 0;
  for (let block = 0; ; block++) {
    message.writeUInt32BE(block, counterAt);
    const bytes = new Bun.CryptoHasher("sha256", key).update(message).digest();
    for (let at = 0; at < BLOCK_BYTES; at += 2) {
      const draw = (bytes[at]! << 8) | bytes[at + 1]!;
      if (draw >= limit) continue;
      const port = space.lo + (draw % range);
      // Stands past the drawn ports until kept; a typed array's own search costs more than eight steps.
      ports[drawn] = port;
      let first = 0;
      while (ports[first] !== port) first++;
      if (first === drawn) drawn++;
      if (drawn === ports.length) return ports;
    }
  }
}
