/** The name under which the kernel remembers that a sequence was used. */

import { sha256 } from "./sha256.ts";

const BYTES = 16;

/**
 * The first 16 bytes of SHA-256 over `"RKS1" 00 "use" 00 door 00 u64(slot) K`. Unambiguous, since a
 * door name holds no zero byte and only the key, which comes last, has no fixed length. Reveals
 * nothing about `K`.
 */
export function useId(key: Uint8Array, door: string, slot: number): Uint8Array {
  const head = `RKS1\0use\0${door}\0........`;
  const text = new Uint8Array(head.length + key.length);
  text.set(new TextEncoder().encode(head));
  const view = new DataView(text.buffer);
  view.setUint32(head.length - 8, Math.floor(slot / 2 ** 32));
  view.setUint32(head.length - 4, slot % 2 ** 32);
  text.set(key, head.length);
  const digest = new Uint8Array(32);
  sha256(text, digest);
  return digest.subarray(0, BYTES);
}
