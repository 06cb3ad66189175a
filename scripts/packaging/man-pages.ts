/** The man pages, and where they belong. */

import { VERSION } from "../../src/core/version.ts";
import type { WrittenFile } from "../../src/service/own-files.ts";
import { commandPage } from "./man/command-page.ts";
import { configPage } from "./man/config-page.ts";
import { rksPage } from "./man/rks-page.ts";
import { allWords } from "./words.ts";

export interface Documents {
  /** README.md: its first paragraph says what the program is. */
  readonly readme: string;
  /** docs/rks.md */
  readonly specification: string;
  /** ISO: "2026-11-29". */
  readonly date: string;
}

/** The first paragraph behind the title. */
function about(readme: string): string {
  return readme.split(/\n{2,}/)[1]!.replaceAll("\n", " ");
}

export function manPages({ readme, specification, date }: Documents): WrittenFile[] {
  const man = (name: string, text: string) => ({
    path: `/usr/share/man/man${name.at(-1)}/${name}`,
    text,
  });
  return [
    man("sallyport.1", commandPage(allWords(), about(readme), VERSION, date)),
    man("sallyport.toml.5", configPage(VERSION, date)),
    man("rks1.7", rksPage(specification, VERSION, date)),
  ];
}
