/**
 * Finds which of several commands nft refuses: for a text with many lines, nft quotes the first
 * line whatever is wrong.
 */

import { runNft } from "../native/libnftables.ts";

/**
 * The first line at which `commands`, one a line, are refused, "" where they are taken now; changes nothing. It tries
 * the beginning of the text up to some line: for a thousand lines, some twelve transactions that are never committed.
 */
export function firstRefused(commands: string): string {
  if (runNft(commands, { dryRun: true }).ok) return "";
  const lines = commands.split("\n").filter((line) => line.trim() !== "");
  let taken = 0;
  let refused = lines.length;
  while (refused - taken > 1) {
    const middle = (taken + refused) >>> 1;
    if (runNft(lines.slice(0, middle).join("\n"), { dryRun: true }).ok) taken = middle;
    else refused = middle;
  }
  return lines[refused - 1] ?? "";
}
