/**
 * Runs commands as processes of their own against the real API on a socket, with a daemon in
 * memory.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeControl } from "./fake-control.ts";
import { listen } from "./listen.ts";
import { spawn } from "./programs.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Daemon extends AsyncDisposable {
  readonly control: FakeControl;
  readonly folder: string;
  readonly socket: string;
  /** Runs a command with `--socket` of this daemon; its output is a pipe. */
  run(...argv: readonly string[]): Promise<Ran>;
  /** As `run`, on a terminal of 120 columns; what it shows, with "\n" line ends. */
  show(...argv: readonly string[]): Promise<string>;
}

/** Runs a command to its end. Times are shown in UTC. */
export async function runCli(argv: readonly string[], cwd = tmpdir()): Promise<Ran> {
  const child = spawn([process.execPath, MAIN, ...argv], {
    cwd,
    env: { ...process.env, TZ: "UTC" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { code, out, err };
}

async function showCli(argv: readonly string[]): Promise<string> {
  // Both would mean that no person looks, but here one does.
  const { NO_COLOR: _, CI: __, ...environment } = process.env;
  let shown = "";
  const decoder = new TextDecoder();
  const child = spawn([process.execPath, MAIN, ...argv], {
    cwd: tmpdir(),
    env: { ...environment, TZ: "UTC", TERM: "xterm-256color" },
    terminal: {
      cols: 120,
      rows: 40,
      data: (_terminal, bytes) => (shown += decoder.decode(bytes, { stream: true })),
    },
  });
  await child.exited;
  child.terminal?.close();
  return shown.replaceAll("\r\n", "\n");
}

export async function startDaemon(): Promise<Daemon> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-cli-"));
  const socket = join(folder, "control.sock");
  const control = new FakeControl();
  control.nowMs = Date.now();
  const listening = await listen(control, { listen: { host: "127.0.0.1", port: 0 }, socket });
  const withSocket = ([command = "", ...rest]: readonly string[]) => [
    command,
    "--socket",
    socket,
    ...rest,
  ];
  return {
    control,
    folder,
    socket,
    run: (...argv) => runCli(withSocket(argv)),
    show: (...argv) => showCli(withSocket(argv)),
    [Symbol.asyncDispose]: async () => {
      listening.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
