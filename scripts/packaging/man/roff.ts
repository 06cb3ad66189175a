/** The little of man(7) that the pages need, from text and from the little Markdown that is in it. */

/** Characters that roff would interpret, or print as others: groff_char(7). */
const ESCAPED: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
};

function escaped(text: string): string {
  return text.replaceAll(/[\\\-'`^~]/g, (char) => ESCAPED[char]!);
}

/** At the beginning of a line a full stop would begin a request. */
function guarded(roff: string): string {
  return roff.replaceAll(/^\./gm, "\\&.");
}

/** Literal text, whatever it contains. */
export function plain(text: string): string {
  return guarded(escaped(text));
}

export function bold(text: string): string {
  return `\\fB${escaped(text)}\\fR`;
}

/** A line of Markdown: code and strong words are bold, a link is its text. */
export function inline(markdown: string): string {
  const parts = markdown
    .replaceAll(/\[([^\]]+)\]\([^)]+\)/g, "$1")
    .split(/(`[^`]+`|\*\*[^*]+\*\*)/)
    .map((part) => {
      if (/^`.+`$/.test(part)) return bold(part.slice(1, -1));
      return /^\*\*.+\*\*$/.test(part) ? bold(part.slice(2, -2)) : escaped(part);
    });
  return guarded(parts.join(""));
}

export interface PageTitle {
  readonly name: string;
  readonly section: number;
  /** ISO: "2026-11-29". */
  readonly date: string;
  readonly version: string;
  /** Shown at the head: "User Commands". */
  readonly manual: string;
}

/** The first lines of a page: words are not broken, since many of them are code. */
export function title({ name, section, date, version, manual }: PageTitle): string {
  return `.TH ${plain(name).toUpperCase()} ${section} ${date} "sallyport ${plain(version)}" "${manual}"\n.nh\n.ad l`;
}

/** A heading of the page, or of a part of it. */
export const section = (text: string): string => `.SH ${plain(text).toUpperCase()}`;
export const subsection = (text: string): string => `.SS ${plain(text)}`;

/** A term and its description; both are roff already. */
export function item(term: string, body: string): string {
  return `.TP\n${term}\n${body}`;
}

/** Lines that are shown as they are. */
export function block(text: string): string {
  return `.PP\n.RS 4\n.nf\n${plain(text)}\n.fi\n.RE`;
}

/** One page, without blank lines: roff would print each. */
export function page(parts: readonly string[]): string {
  return `${parts.join("\n").replaceAll(/\n{2,}/g, "\n")}\n`;
}
