/** Releasing pages: which mappings may lose them, and that a process works without them. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { cleanFileMappings, releaseCleanPages } from "../../../src/native/resident.ts";

/** A mapping as /proc/PID/smaps prints it, shortened to the lines around the ones that count. */
const mapping = (line: string, anonymousKb: number, swappedKb = 0) =>
  `${line}\nSize:                 64 kB\nRss:                  64 kB\nAnonymous:            ${anonymousKb} kB\nSwap:                 ${swappedKb} kB\nVmFlags: rd mr mw me\n`;

test("cleanFileMappings() names read-only private mappings of files that nobody wrote to", () => {
  const smaps = [
    mapping("00200000-00210000 r--p 00000000 fe:00 11 /opt/sallyport", 0),
    mapping("01a40000-01a50000 r-xp 01838000 fe:00 11                    /opt/with a space", 0),
  ].join("");
  expect(cleanFileMappings(smaps)).toEqual([
    { from: 0x200000, bytes: 0x10000 },
    { from: 0x1a40000, bytes: 0x10000 },
  ]);
});

test.each([
  ["writable", "00200000-00210000 rw-p 00000000 fe:00 11 /opt/sallyport", 0],
  ["relocated by the loader", "00200000-00210000 r--p 00000000 fe:00 11 /opt/sallyport", 12],
  ["shared", "7f0000000000-7f0000010000 r--s 00000000 fe:00 11 /opt/table", 0],
  ["of no file", "7f0000000000-7f0000010000 r--p 00000000 00:00 0", 0],
  [
    "a huge page of no file",
    "7f0000000000-7f0000200000 r--p 0 00:0f 5 /anon_hugepage (deleted)",
    0,
  ],
  ["the kernel's own", "7ffd00000000-7ffd00010000 r-xp 00000000 00:00 0    [vdso]", 0],
  [
    "a ring shared with the kernel",
    "7f0000000000-7f0000010000 rw-s 00000000 00:09 5 socket:[5]",
    0,
  ],
])("cleanFileMappings() leaves a mapping alone that is %s", (_, line, anonymousKb) => {
  expect(cleanFileMappings(mapping(line, anonymousKb))).toEqual([]);
});

test("cleanFileMappings() leaves tables alone that were relocated and are swapped out", () => {
  const line = "00200000-00210000 r--p 00000000 fe:00 11 /opt/sallyport";
  expect(cleanFileMappings(mapping(line, 0, 12))).toEqual([]);
});

test("releaseCleanPages() takes most code out of this process, which runs on", () => {
  const residentFilesKb = () =>
    Number(/^RssFile:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))![1]);
  const before = residentFilesKb();
  releaseCleanPages();
  // The pages that the rest of this test needs are back already.
  expect(residentFilesKb()).toBeLessThan(before * 0.9);
  expect(new TextDecoder().decode(Bun.gunzipSync(Bun.gzipSync("still here")))).toBe("still here");
});
