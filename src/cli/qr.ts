/** QR codes on a terminal. */

import { renderUnicodeCompact } from "uqr";

/**
 * White on black, by number: a theme may change the named colours, and a camera needs the contrast.
 */
const QR_COLOURS = "\x1b[38;5;231;48;5;16m";
const PLAIN = "\x1b[0m";

/**
 * The QR code of a link in fixed colours, so that it is the same on a light terminal and on a dark
 * one. Undefined where its lines are wider than `columns`.
 */
export function drawQr(link: string, columns: number): string | undefined {
  const lines = renderUnicodeCompact(link, { border: 2 }).split("\n");
  if (lines.some((line) => Bun.stringWidth(line) > columns)) return undefined;
  return lines.map((line) => `${QR_COLOURS}${line}${PLAIN}`).join("\n");
}
