/** Every Markdown file for people, and its parts. */

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dir, "../../..");

export interface Document {
  /** From the top of the repository: "docs/api.md". */
  readonly path: string;
  readonly text: string;
}

export interface CodeBlock {
  readonly document: string;
  /** The word behind the fence; "" where there is none. */
  readonly language: string;
  readonly text: string;
}

export const DOCUMENTS: readonly Document[] = [
  "README.md",
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
].map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));

export const README = DOCUMENTS.find(({ path }) => path === "README.md")!.text;

export const CODE_BLOCKS: readonly CodeBlock[] = DOCUMENTS.flatMap(({ path, text }) =>
  [...text.matchAll(/^```([a-z]*)\n([^]*?)^```/gm)].map(([, language = "", block = ""]) => ({
    document: path,
    language,
    text: block,
  })),
);

/** The text without its code blocks. */
export function prose({ text }: Document): string {
  return text.replaceAll(/^```[a-z]*\n[^]*?^```/gm, "");
}
