/** Reads a link from a pipe, or from a terminal without showing it: never from the command line. */

import type { ReadStream } from "node:tty";
import { ExitCode, messageOf, SallyportError } from "../core/errors.ts";

/** Longer than any link; a wrong file on standard input is not read to its end. */
const LINK_BYTES = 8_192;

const CONTROL_C = "\x03";
const CONTROL_D = "\x04";
const CONTROL_U = "\x15";
const BACKSPACE = "\x08";
const DELETE = "\x7f";

/** What a person typed so far, and whether the line has ended. */
export interface TypedLine {
  readonly text: string;
  readonly ended: "no" | "yes" | "interrupted";
}

/** Takes in keys as a terminal in raw mode sends them: erasing, end of line, interrupt. */
export function typeKeys(line: TypedLine, keys: string): TypedLine {
  let { text } = line;
  for (const key of keys) {
    if (key === "\r" || key === "\n" || key === CONTROL_D) return { text, ended: "yes" };
    if (key === CONTROL_C) return { text: "", ended: "interrupted" };
    if (key === BACKSPACE || key === DELETE) text = text.slice(0, -1);
    else if (key === CONTROL_U) text = "";
    else text += key;
  }
  return { text, ended: "no" };
}

function tooLong(): SallyportError {
  return new SallyportError(
    "Cannot read the profile link: standard input is longer than any link: give it the link alone",
    ExitCode.usage,
  );
}

async function readHidden(terminal: ReadStream, prompt: string): Promise<string> {
  process.stderr.write(prompt);
  terminal.setRawMode(true);
  try {
    let line: TypedLine = { text: "", ended: "no" };
    for await (const chunk of terminal) {
      line = typeKeys(line, String(chunk));
      if (line.text.length > LINK_BYTES) throw tooLong();
      if (line.ended !== "no") break;
    }
    if (line.ended === "interrupted") {
      throw new SallyportError("Cannot read the profile link: interrupted: nothing was changed");
    }
    return line.text;
  } finally {
    terminal.setRawMode(false);
    terminal.pause();
    process.stderr.write("\n");
  }
}

async function readPipe(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > LINK_BYTES) throw tooLong();
    }
  } catch (error) {
    if (error instanceof SallyportError) throw error;
    throw new SallyportError(
      `Cannot read the profile link: standard input: ${messageOf(error)}: pipe the link in`,
      ExitCode.usage,
      { cause: error },
    );
  }
  return text;
}

/**
 * The first line of standard input with something on it, without blanks around it. Asks with `prompt`, and
 * echoes nothing, where it is a terminal. Throws a SallyportError where there is none.
 */
export async function readLink(prompt: string): Promise<string> {
  const text = process.stdin.isTTY
    ? await readHidden(process.stdin, prompt)
    : await readPipe(Bun.stdin.stream());
  const link = text
    .split("\n")
    .map((line) => line.trim())
    .find((line) => line !== "");
  if (link !== undefined) return link;
  throw new SallyportError(
    "Cannot read the profile link: standard input is empty: paste the link, or pipe it in",
    ExitCode.usage,
  );
}
