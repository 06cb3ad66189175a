/**
 * Writes the files of packages besides the executable, under the named folder: units, man pages,
 * completions, licenses. All of them are made from the program's own data.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { packagedFiles } from "../../src/service/packaged.ts";
import { completions } from "./completions.ts";
import { copyright } from "./copyright/copyright.ts";
import { manPages } from "./man-pages.ts";

const [root, seconds] = process.argv.slice(2);
if (root === undefined || seconds === undefined) {
  throw new Error("Name the folder to write to, and the time of the commit in seconds");
}
const repository = resolve(import.meta.dir, "../..");
const read = (name: string) => readFileSync(resolve(repository, name), "utf8");
const date = new Date(Number(seconds) * 1_000).toISOString().slice(0, 10);

const files = [
  ...packagedFiles(),
  ...manPages({ readme: read("README.md"), specification: read("docs/rks.md"), date }),
  ...completions(),
  { path: "/usr/share/doc/sallyport/copyright", text: await copyright() },
];
for (const { path, text } of files) {
  mkdirSync(dirname(root + path), { recursive: true });
  writeFileSync(root + path, text);
}
