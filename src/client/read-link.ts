/** Reads a link from a pipe, or from a terminal without showing it: never from the command line. */

import type { ReadStream } from "node:tty";
import { ExitCode, messageOf, SallyportError } from "../core/errors.ts";
import { pickLink } from "../rks/pick-link.ts";

/** Longer than any link: a wrong file on standard input is not read to its end. */
const LINK_BYTES = 8_192;

const CONTROL_C = "\x03";
const CONTROL_D = "\x04";
const CONTROL_U = "\x15";
const CONTROL_Z = "\x1a";
const BACKSPACE = "\x08";
const DELETE = "\x7f";

/**
 * On request, a terminal puts these around pasted text, so that a line end inside does not end the
 * line.
 */
const PASTE_BEGINS = "\x1b[200~";
const PASTE_ENDS = "\x1b[201~";
const TELL_PASTES = "\x1b[?2004h";
const TELL_NO_PASTES = "\x1b[?2004l";

/** The text typed so far, and whether the line has ended. */
export interface TypedLine {
  readonly text: string;
  readonly ended: "no" | "yes" | "interrupted";
  /** Between the marks of a paste. */
  readonly pasting?: boolean;
  /** What may become a mark: a slow line brings one in pieces. */
  readonly begun?: string;
}

/** The end of `keys` that begins a mark; "" where none does. */
function begunMark(keys: string): string {
  const lengths = Array.from(PASTE_BEGINS.slice(1), (_, i) => i + 1).toReversed();
  const ends = lengths.map((length) => keys.slice(-length));
  const begins = (end: string) => PASTE_BEGINS.startsWith(end) || PASTE_ENDS.startsWith(end);
  return ends.find(begins) ?? "";
}

/** One key at a time; each mark around a paste is one key. */
function splitKeys(keys: string): string[] {
  return keys
    .split(PASTE_BEGINS)
    .flatMap((part, i) => [...(i > 0 ? [PASTE_BEGINS] : []), ...splitAtEnds(part)]);
}

function splitAtEnds(keys: string): string[] {
  return keys
    .split(PASTE_ENDS)
    .flatMap((part, i) => [...(i > 0 ? [PASTE_ENDS] : []), ...Array.from(part)]);
}

function isText(key: string): boolean {
  return key !== PASTE_BEGINS && key !== PASTE_ENDS && key !== "\r" && key !== "\n";
}

/**
 * Takes keys as a terminal in raw mode sends them: erasing, end of line, interrupt. A line end with
 * more text right behind it was pasted, and is kept: a link may be wrapped, or be one of two.
 */
export function typeKeys(line: TypedLine, keys: string): TypedLine {
  let { text, pasting = false } = line;
  const all = `${line.begun ?? ""}${keys}`;
  const begun = begunMark(all);
  const pressed = splitKeys(all.slice(0, all.length - begun.length));
  for (const [i, key] of pressed.entries()) {
    if (key === PASTE_BEGINS) pasting = true;
    else if (key === PASTE_ENDS) pasting = false;
    else if (key === "\r" || key === "\n") {
      if (!pasting && !pressed.slice(i + 1).some(isText)) return { text, ended: "yes" };
      text += "\n";
    } else if (key === CONTROL_D) return { text, ended: "yes" };
    else if (key === CONTROL_C) return { text: "", ended: "interrupted" };
    else if (key === BACKSPACE || key === DELETE) text = text.slice(0, -1);
    else if (key === CONTROL_U) text = "";
    else if (key !== CONTROL_Z) text += key;
  }
  return { text, ended: "no", ...(pasting && { pasting }), ...(begun !== "" && { begun }) };
}

function tooLong(): SallyportError {
  return new SallyportError(
    "Cannot read the profile link: standard input is longer than any link: give it the link alone",
    ExitCode.usage,
  );
}

/** The signal may reach a thread that is not this one: the process stops a moment after the call. */
const STOP_MS = 50;

const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * A process that is stopped, or ended, by a signal leaves its terminal to the shell: as the shell had it, so that one sees
 * what one types.
 */
function giveBackAtSignals(hide: () => void, show: () => void): Disposable {
  if (process.platform === "win32") return { [Symbol.dispose]: () => {} };
  let ended = false;
  const stop = () => {
    show();
    // Without a listener it stops the process, or, where nobody could continue it, does nothing.
    process.off("SIGTSTP", stop);
    process.kill(process.pid, "SIGTSTP");
    setTimeout(() => {
      if (ended) return;
      process.on("SIGTSTP", stop);
      hide();
    }, STOP_MS);
  };
  process.on("SIGTSTP", stop);
  const end = (signal: NodeJS.Signals) => {
    show();
    process.off(signal, end);
    process.kill(process.pid, signal);
  };
  for (const signal of ENDING) process.on(signal, end);
  return {
    [Symbol.dispose]: () => {
      ended = true;
      process.off("SIGTSTP", stop);
      for (const signal of ENDING) process.off(signal, end);
    },
  };
}

async function readHidden(terminal: ReadStream, prompt: string): Promise<string> {
  const hide = () => {
    process.stderr.write(`${prompt}${TELL_PASTES}`);
    terminal.setRawMode(true);
  };
  const show = () => {
    terminal.setRawMode(false);
    process.stderr.write(`${TELL_NO_PASTES}\n`);
  };
  hide();
  using _ = giveBackAtSignals(hide, show);
  try {
    let line: TypedLine = { text: "", ended: "no" };
    for await (const chunk of terminal) {
      // In raw mode the key is a character. The terminal would stop all programs of the pipeline.
      if (line.pasting !== true && String(chunk) === CONTROL_Z) process.kill(0, "SIGTSTP");
      line = typeKeys(line, String(chunk));
      if (line.text.length > LINK_BYTES) throw tooLong();
      if (line.ended !== "no") break;
    }
    if (line.ended === "interrupted") {
      throw new SallyportError(
        "Cannot read the profile link: interrupted: nothing was changed",
        ExitCode.interrupted,
      );
    }
    return line.text;
  } finally {
    show();
    terminal.pause();
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
 * The link on standard input (`pickLink`). On a terminal it asks with `prompt` and echoes nothing.
 * Throws a SallyportError where there is no link, or more than one.
 */
export async function readLink(prompt: string): Promise<string> {
  return pickLink(
    process.stdin.isTTY
      ? await readHidden(process.stdin, prompt)
      : await readPipe(Bun.stdin.stream()),
  );
}
