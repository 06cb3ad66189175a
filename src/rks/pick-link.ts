/**
 * Finds the one link in pasted text: in quotes, with words around it, wrapped by a mail program.
 */

import { ExitCode, SallyportError } from "../core/errors.ts";

const BEGINNING = /rks1:\/\//gi;

/** The characters of a link. A line of nothing else continues the link of the line before it. */
const PART = /^[A-Za-z0-9&=,/%._~:@?[\]-]+$/;

/** Marks of a quoted mail before a line; quotes, brackets and blanks around its text. */
function bare(line: string): string {
  return line.replace(/^[\s>|]+/, "").replace(/^["'`<(“‘«]+|["'`>)”’»,;\s]+$/g, "");
}

function refuse(state: string, remedy: string): never {
  throw new SallyportError(`Cannot read the profile link: ${state}: ${remedy}`, ExitCode.usage);
}

/**
 * The link in `text`, in one piece. Where there is none, the first line that is not blank, so that
 * the parser says what is wrong with it. Throws a SallyportError (exit 64), which quotes nothing,
 * for blank text and for more than one link, since nobody could tell which one is meant.
 */
export function pickLink(text: string): string {
  const found = [...text.matchAll(BEGINNING)].length;
  if (found > 1) {
    refuse(`there are ${found} links`, "give it one at a time, each under a name of its own");
  }
  const lines = text.split(/[\r\n]+/);
  const first = lines.findIndex((line) => line.search(BEGINNING) >= 0);
  if (first < 0) {
    const line = lines.map(bare).find((one) => one !== "");
    return line ?? refuse("standard input is empty", "paste the link, or pipe it in");
  }
  // The text behind the link on its line does not belong to it.
  const [begun = ""] = lines[first]!.slice(lines[first]!.search(BEGINNING)).split(/\s/);
  const parts = [bare(begun)];
  for (const line of lines.slice(first + 1)) {
    const part = bare(line);
    if (!PART.test(part)) break;
    parts.push(part);
  }
  return parts.join("");
}
