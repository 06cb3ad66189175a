/** Commands that are printed for a shell: it reads back exactly the words that were meant. */

import { expect, test } from "bun:test";
import { shellCommand, shellWord } from "../../../src/core/shell-command.ts";
import { run } from "../../support/programs.ts";

test.each(["/var/lib/sallyport", "root:sallyport", "-R", "--now", "wg0.12@if3", "/srv/größe"])(
  "shellWord() leaves %p as it is",
  (text) => expect(shellWord(text)).toBe(text),
);

test("shellWord() quotes what a shell would part or take for its own", () => {
  expect(shellWord("/mnt/My Disk/sallyport")).toBe("'/mnt/My Disk/sallyport'");
  expect(shellWord("it's")).toBe(String.raw`'it'\''s'`);
});

test("shellCommand() makes a line that a shell parts into the same words", () => {
  const words = ["", "a b", "$HOME", "`id`", "~", "~root", "A=b", "it's", '"', "\\", "*", "a\nb"];
  const { out } = run(["sh", "-c", shellCommand(["printf", "%s\\0", ...words])]);
  expect(out.split("\0")).toEqual([...words, ""]);
});
