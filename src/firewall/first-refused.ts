/** Which of several commands nft refuses: of a text with many lines it quotes the first, whichever it is about. */

import { runNft } from "../native/libnftables.ts";

/**
 * The first line with which `commands`, one a line, are refused; changes nothing. The lines before it
 * are taken as they stand: some twelve transactions that are never committed, for a thousand lines.
 */
export function firstRefused(commands: string): string {
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
