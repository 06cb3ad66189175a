/** Keys that sign and cannot be read: WebCrypto in place of the key's bytes. */

import { sequencePortsBy } from "../rks/sequence.ts";
import type { Door } from "./door.ts";

const HMAC = { name: "HMAC", hash: "SHA-256" };
/** Half of a digest tells more doors apart than there can be. */
const ID_BYTES = 16;

async function sign(key: CryptoKey, message: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, message));
}

/** Takes over the bytes of a key and overwrites them. */
export async function hideKey(bytes: Uint8Array): Promise<CryptoKey> {
  const key = await crypto.subtle.importKey("raw", Uint8Array.from(bytes), HMAC, false, ["sign"]);
  bytes.fill(0);
  return key;
}

/** The id of a key and door: under what the command line files their slots, too. */
export async function idOf(key: CryptoKey, door: string): Promise<string> {
  const message = new TextEncoder().encode(`sallyport client slots\0${door}`);
  return [...(await sign(key, message)).subarray(0, ID_BYTES)]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

/** The ports of a door in a slot, in the order drawn. */
export async function portsOf(
  { key, door, ...terms }: Pick<Door, "key" | "door" | "lo" | "hi" | "ports">,
  slot: number,
): Promise<number[]> {
  return [...(await sequencePortsBy((message) => sign(key, message), door, terms, slot))];
}
