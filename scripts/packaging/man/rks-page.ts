/** rks1(7): docs/rks.md, the specification. */

import { fromMarkdown } from "./markdown.ts";
import { page, section, title } from "./roff.ts";

export function rksPage(document: string, version: string, date: string): string {
  return page([
    title({ name: "rks1", section: 7, date, version, manual: "Miscellaneous" }),
    section("Name"),
    "rks1 \\- rotating knock sequences: which ports are knocked on now, and when a server believes it",
    section("Description"),
    ...fromMarkdown(document),
    section("See also"),
    "\\fBsallyport\\fR(1)",
  ]);
}
