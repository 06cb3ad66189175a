/**
 * Starts commands without any privilege, from a thread that has none. The other way, an
 * unprivileged process that becomes the command's program, would cost a start of this whole
 * executable each time.
 */

import type { Worker } from "node:worker_threads";
import { messageOf } from "../../core/errors.ts";
import { startThread } from "../../native/start-thread.ts";
import type { ProgramEnd } from "./spawn-command.ts";

/** For the thread: a word that it sets to 1 once it runs. */
export interface Launching {
  readonly started: Int32Array<SharedArrayBuffer>;
}

export interface Launch {
  readonly id: number;
  readonly argv: readonly string[];
  readonly limitMs: number;
}

export type Launched =
  | { readonly type: "started"; readonly id: number }
  | {
      readonly type: "refused";
      readonly id: number;
      readonly code: string;
      readonly message: string;
    }
  | { readonly type: "ended"; readonly id: number; readonly end: ProgramEnd };

/** A running program. */
export interface Program {
  readonly ended: Promise<ProgramEnd>;
}

/**
 * Why a program could not be started. `code` is the name of the errno, or LAUNCHER where nothing
 * can be started.
 */
export class LaunchError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export class BareLauncher {
  #worker: Worker | undefined;
  readonly #starting = new Map<number, PromiseWithResolvers<Program>>();
  readonly #running = new Map<number, PromiseWithResolvers<ProgramEnd>>();
  #asked = 0;

  /** Starts the thread if it does not run: later there may be no free descriptor. Throws where there is none already. */
  prepare(): void {
    if (this.#worker !== undefined) return;
    const started = new Int32Array(new SharedArrayBuffer(4));
    const worker = startThread(workerUrl(), started, { started } satisfies Launching);
    this.#worker = worker;
    worker.on("message", (launched: Launched) => this.#hear(launched));
    worker.on("error", (error) => this.#lose(worker, messageOf(error)));
    worker.on("exit", () => this.#lose(worker, "the thread that starts commands ended"));
    worker.unref();
  }

  /** Resolves when the program has started; rejects with LaunchError when it cannot be started. */
  start(argv: readonly string[], limitMs: number): Promise<Program> {
    try {
      this.prepare();
    } catch (error) {
      return Promise.reject(new LaunchError("LAUNCHER", messageOf(error)));
    }
    const id = ++this.#asked;
    const started = Promise.withResolvers<Program>();
    this.#starting.set(id, started);
    this.#worker!.postMessage({ id, argv, limitMs } satisfies Launch);
    return started.promise;
  }

  #hear(launched: Launched): void {
    const { id } = launched;
    if (launched.type === "ended") {
      this.#running.get(id)?.resolve(launched.end);
      this.#running.delete(id);
      return;
    }
    const starting = this.#starting.get(id);
    this.#starting.delete(id);
    if (launched.type === "refused") {
      starting?.reject(new LaunchError(launched.code, launched.message));
      return;
    }
    const running = Promise.withResolvers<ProgramEnd>();
    this.#running.set(id, running);
    starting?.resolve({ ended: running.promise });
  }

  /** The next start makes another thread. Running programs go on; their ends are not reported. */
  #lose(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const { reject } of this.#starting.values()) reject(new LaunchError("LAUNCHER", reason));
    this.#starting.clear();
    for (const { resolve } of this.#running.values()) resolve({ exitCode: null, signal: null });
    this.#running.clear();
  }
}

/**
 * In the executable every module has the URL of the whole file; entry points keep their path below
 * src/ beside it.
 */
function workerUrl(): URL {
  const compiled = import.meta.url.includes("/$bunfs/");
  return new URL(
    `./${compiled ? "control-plane/commands/" : ""}bare-launcher.worker.ts`,
    import.meta.url,
  );
}
