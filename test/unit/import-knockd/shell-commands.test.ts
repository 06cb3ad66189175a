/** Command lines taken apart, beside a real shell. */

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { parseShell } from "../../../src/import-knockd/shell-commands.ts";
import { spawnSync } from "../../support/programs.ts";
import { rounds } from "../../support/rounds.ts";

/** The words that a shell hands to a command, which here is one that prints them. */
function shellWords(line: string): string[] | undefined {
  const script = `show() { printf '%s\\n' "$@"; }\n${line}`;
  const done = spawnSync(["/bin/sh", "-f", "-c", script], {
    env: { PATH: "/nonexistent" },
    timeout: 10_000,
  });
  if (done.exitCode !== 0 || done.stderr.length > 0) return undefined;
  return done.stdout.toString().split("\n").slice(0, -1);
}

const piece = fc.constantFrom(
  "a",
  "B9",
  " ",
  "  ",
  "'",
  '"',
  "\\",
  "$X",
  "${Y}",
  "'q q'",
  '"d d"',
  '"$X"',
  "\\ ",
  "=",
  "#",
  " #",
  "-",
  "/",
  "%",
  ":",
  ",",
  "X=1",
  ">/dev/null",
  " 2>&1",
);

describe("parseShell()", () => {
  test("hands on the words that a shell would, of 300 odd lines with variables set in front", () => {
    let plain = 0;
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 8 }).map((all) => all.join("")),
        (rest) => {
          const line = `X='1  2'; Y=z; show ${rest}`;
          const commands = parseShell(line);
          const only = commands?.[0];
          if (commands?.length !== 1 || only?.plain !== true || /dev.null|2>/.test(rest)) return;
          plain++;
          // Without words printf prints one empty line.
          const [, ...words] = only.words;
          expect({ line, words: words.length === 0 ? [""] : words }).toEqual({
            line,
            words: shellWords(line)!,
          });
        },
      ),
      { numRuns: rounds(300) },
    );
    expect(plain).toBeGreaterThan(rounds(50));
  });

  test.each([
    ["a; b && c || d & e", [undefined, ";", "&&", "||", "&"]],
    ["a | b && c", [undefined, "&&"]],
    ["a 2>/dev/null; b >/dev/null 2>&1", [undefined, ";"]],
  ])("takes %p apart at what stands between commands", (line, joints) => {
    expect(parseShell(line)?.map(({ joint }): unknown => joint)).toEqual(joints);
  });

  test.each([
    "if a; then b; fi",
    "for i in 1; do a; done",
    "(a)",
    "a 'b",
    'a "b',
    "a $(b",
    "while a; do b; done",
  ])("leaves %p to a shell", (line) => {
    expect(parseShell(line)).toBeUndefined();
  });

  test.each(["a | b", "a $(b)", "a `b`", "a *", "a < file", "a $X", "A=1 b", "cd /tmp", "a ~/b"])(
    "says that only a shell knows what %p starts",
    (line) => {
      expect(parseShell(line)?.map(({ plain }) => plain)).toEqual([false]);
    },
  );

  test("fills in variables that the line sets, exported or not, and names those that it guesses", () => {
    const [first, second] = parseShell('export A="x y"; B=$A; show $A "$B"; $IPTABLES -L')!;
    expect(first).toMatchObject({ words: ["show", "x", "y", "x y"], plain: true });
    expect(second).toMatchObject({ words: ["iptables", "-L"], guessed: ["IPTABLES"] });
  });
});
