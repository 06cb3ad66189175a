/** Text from files, sockets and other programs, made harmless for a terminal. */

/** They move a cursor, begin an escape sequence or turn the direction of a line. */
const DRIVES = String.raw`\p{Cc}|\p{Bidi_Control}`;
const IN_LINE = new RegExp(DRIVES, "gu");
const IN_LINES = new RegExp(String.raw`(?![\n\t])(?:${DRIVES})`, "gu");

/** One line without control characters, each replaced by "�", line breaks among them. */
export function printable(text: string): string {
  return text.replaceAll(IN_LINE, "�");
}

/** Like `printable`, but line breaks and tabs stay: for text whose lines are meant. */
export function printableLines(text: string): string {
  return text.replaceAll(IN_LINES, "�");
}

/**
 * Like `printableLines`, for a text of somebody else: all lines but the first are indented, so that
 * none of them passes for a line of this program.
 */
export function printableQuote(text: string): string {
  return printableLines(text).replaceAll("\n", "\n  ");
}

/** JSON, escaped so that a terminal finds no command in it; its value is the same. */
export function printableJson(value: unknown, indent?: number): string {
  // JSON escapes controls below U+0020 only, but U+009B alone begins an escape sequence.
  return JSON.stringify(value, null, indent).replaceAll(
    /[\u007f-\u009f]|\p{Bidi_Control}/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
