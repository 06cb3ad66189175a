/** The lines of a knockd.conf as knockd's own parser takes them apart: blanks, comments, sections, settings. */

/** knockd's reading of one line. `number` counts lines of the file from 1. */
export type Line = { readonly number: number } & (
  | { readonly kind: "nothing" }
  | { readonly kind: "comment" }
  | { readonly kind: "section"; readonly name: string }
  /**
   * `key` is in upper case, `written` is the original, `text` is the whole line; no `value` without
   * "=".
   */
  | {
      readonly kind: "setting";
      readonly key: string;
      readonly written: string;
      readonly value: string | undefined;
      readonly text: string;
    }
);

/**
 * The most that fgets(buffer, PATH_MAX) reads, without its NUL: the rest of a longer line is
 * another line to knockd.
 */
const MOST_BYTES = 4_095;

/** isspace(3) in the C locale, at either end. */
const OUTER_BLANKS = /^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g;

/** Without the blanks of isspace(3) at either end. */
export function trimmed(text: string): string {
  return text.replaceAll(OUTER_BLANKS, "");
}

/** A configuration is UTF-8 today; older ones are Latin-1, in which nothing is invalid. */
function decoder(bytes: Uint8Array): (part: Uint8Array) => string {
  try {
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
    return (part) => utf8.decode(part);
  } catch {
    const latin1 = new TextDecoder("latin1");
    return (part) => latin1.decode(part);
  }
}

/** What fgets(3) hands over, one after another; a C string ends at its first NUL. */
function piecesOf(bytes: Uint8Array): { number: number; text: string }[] {
  const decode = decoder(bytes);
  const pieces: { number: number; text: string }[] = [];
  let number = 1;
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(0x0a, at);
    const end = Math.min(newline < 0 ? bytes.length : newline + 1, at + MOST_BYTES);
    const piece = bytes.subarray(at, end);
    const nul = piece.indexOf(0);
    pieces.push({ number, text: decode(nul < 0 ? piece : piece.subarray(0, nul)) });
    if (bytes[end - 1] === 0x0a) number++;
    at = end;
  }
  return pieces;
}

/** Upper case of ASCII letters only, like toupper(3). */
export function upperCase(text: string): string {
  return text.replaceAll(/[a-z]/g, (letter) => letter.toUpperCase());
}

function readLine(number: number, text: string): Line {
  if (text === "") return { number, kind: "nothing" };
  if (text.startsWith("#")) return { number, kind: "comment" };
  if (text.startsWith("[") && text.endsWith("]")) {
    return { number, kind: "section", name: text.slice(1, -1) };
  }
  const equals = text.indexOf("=");
  const written = trimmed(equals < 0 ? text : text.slice(0, equals));
  const value = equals < 0 ? undefined : trimmed(text.slice(equals + 1));
  return { number, kind: "setting", key: upperCase(written), written, value, text };
}

/** Every line of the file, in order. */
export function readLines(bytes: Uint8Array): Line[] {
  return piecesOf(bytes).map(({ number, text }) => readLine(number, trimmed(text)));
}
