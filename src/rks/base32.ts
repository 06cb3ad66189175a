/** Base32 as RKS1 writes keys: RFC 4648 §6, without padding, upper case written and either case read. */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export function encodeBase32(bytes: Uint8Array): string {
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(buffer >>> bits) & 31]!;
    }
    buffer &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET[(buffer << (5 - bits)) & 31]!;
}

/**
 * The bytes of `text`, or undefined where a character is not of the alphabet, the length is one no
 * encoder writes, or the spare bits at the end are set (so that every key has one spelling).
 */
export function decodeBase32(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let at = 0;
  let buffer = 0;
  let bits = 0;
  for (const character of text) {
    const value = character < "\x7f" ? ALPHABET.indexOf(character.toUpperCase()) : -1;
    if (value < 0) return undefined;
    buffer = (buffer << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = buffer >>> bits;
    }
    buffer &= (1 << bits) - 1;
  }
  return bits >= 5 || buffer !== 0 ? undefined : bytes;
}
