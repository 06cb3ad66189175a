/** Questions at a terminal: answered, and left by Ctrl-C or Ctrl-D. */

import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Lab } from "../support/lab.ts";
import { spawn } from "../support/programs.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-ask-"));
const lab = new Lab();
afterAll(() => {
  lab[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});
const CONFIG = join(folder, "config.toml");

/** Runs argv at a terminal; types each word once a question waits, and prints all that was shown. */
const AT_TERMINAL = `
import os, pty, select, sys
words, argv = sys.argv[1].split("|"), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0: os.execvp(argv[0], argv)
shown = new = b""
while select.select([terminal], [], [], 20)[0]:
    try: part = os.read(terminal, 4096)
    except OSError: break
    shown, new = shown + part, new + part
    if words and (b"? " in new or b"] " in new):
        os.write(terminal, words.pop(0).encode().decode("unicode_escape").encode())
        new = b""
sys.stdout.write(shown.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

async function init(words: string): Promise<{ code: number; shown: string }> {
  const main = join(import.meta.dir, "../../src/main.ts");
  const argv = [process.execPath, main, "init", "--config", CONFIG];
  const here = ["ip", "netns", "exec", lab.namespace("server")];
  const child = spawn([...here, "python3", "-c", AT_TERMINAL, words, ...argv]);
  const [shown, code] = await Promise.all([child.stdout.text(), child.exited]);
  // Without the sequences that move the cursor.
  return { code, shown: Bun.stripANSI(shown) };
}

test.each([
  ["Ctrl-D", "\\x04", 1],
  ["Ctrl-C", "\\x03", 130],
])(
  "%s at a question ends the command, which says that nothing was changed",
  async (_, key, code) => {
    for (const words of [key, `2222/tcp\\r|${key}`]) {
      const ended = await init(words);
      expect(ended.shown).toEndWith("sallyport: Nothing was changed\r\n");
      expect(ended.code).toBe(code);
    }
    expect(existsSync(CONFIG)).toBeFalse();
  },
);

test("an answer that is none is asked for again, and no at the end changes nothing", async () => {
  const { code, shown } = await init("80x\\r|2222/tcp\\r|alice\\r|gate.example\\r|n\\r");
  expect(shown.match(/Which ports/g)).toHaveLength(2);
  expect(shown).toContain('"80x" is no port');
  expect(shown).toContain("make a key for alice");
  expect(shown).toEndWith("sallyport: Nothing was changed\r\n");
  expect(code).toBe(1);
  expect(existsSync(CONFIG)).toBeFalse();
});
