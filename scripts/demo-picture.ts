/**
 * Runs `sallyport demo` in a terminal of its own and draws what it printed: docs/demo.svg.
 * Usage: scripts/demo-picture   (root)
 */

import { resolve } from "node:path";
import { terminalPicture } from "./terminal-picture.ts";

/** Wide enough that no line of the demo is broken. */
const COLUMNS = 120;
const PROMPT = "\x1b[32m$\x1b[39m \x1b[1msudo sallyport demo\x1b[22m\r\n";

const executable = process.env["SALLYPORT"] ?? resolve(import.meta.dir, "../dist/sallyport");

async function play(): Promise<string> {
  const decoder = new TextDecoder();
  let printed = "";
  const { NO_COLOR: _, ...environment } = process.env;
  const child = Bun.spawn([executable, "demo"], {
    env: { ...environment, TERM: "xterm-256color" },
    terminal: {
      cols: COLUMNS,
      rows: 50,
      data: (_terminal, data) => (printed += decoder.decode(data, { stream: true })),
    },
  });
  const code = await child.exited;
  child.terminal?.close();
  if (code !== 0) throw new Error(`The demo ended with ${code}:\n${printed}`);
  return printed;
}

const file = resolve(import.meta.dir, "../docs/demo.svg");
await Bun.write(file, terminalPicture(PROMPT + (await play()), "sallyport demo"));
console.log(`Wrote ${file}`);
