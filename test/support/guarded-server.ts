/** A running `sallyport serve` of the compiled executable on the server of a lab, with keys and a config of its own. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "./executable.ts";
import { type Host, type Lab } from "./lab.ts";
import { run } from "./programs.ts";

/** A daemon that is not up, or a line that is not logged, by then is a failure. */
const PATIENCE_MS = 10_000;

export interface ServerOptions {
  /** Names with a key, "alice" or "alice/laptop". */
  readonly users?: readonly string[];
  /** The words in front of the executable: `setpriv …`. */
  readonly as?: readonly string[];
  readonly interfaces?: readonly string[];
  /** Another build. Default: the one under test. */
  readonly executable?: string;
}

/** `doors` is TOML: the `[door.…]` tables, and `[guard]` or `[knock]` where a test needs them. */
export class GuardedServer implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), "sallyport-"));
  readonly config = join(this.dir, "config.toml");
  readonly socket = join(this.dir, "run", "control.sock");
  readonly #lab: Lab;
  readonly #options: ServerOptions;
  readonly #executable: string;
  readonly #waiters = new Set<() => void>();
  #child: ReturnType<Lab["start"]> | undefined;
  #log = "";

  constructor(lab: Lab, doors: string, options: ServerOptions = {}) {
    this.#lab = lab;
    this.#options = options;
    this.#executable = options.executable ?? EXECUTABLE;
    this.writeConfig(doors);
    for (const user of options.users ?? []) {
      const [name = "", device] = user.split("/");
      const extra = device === undefined ? [] : ["--device", device];
      run([
        this.#executable,
        "user",
        "add",
        name,
        ...extra,
        "--config",
        this.config,
        "--host",
        "10.77.0.1",
      ]);
    }
  }

  writeConfig(doors: string): void {
    const interfaces = JSON.stringify(this.#options.interfaces ?? ["eth0"]);
    writeFileSync(
      this.config,
      `[server]\nname = "lab"\ninterfaces = ${interfaces}\nstate_dir = "${this.dir}/state"\n` +
        `[api]\nsocket = "${this.socket}"\n${doors}`,
    );
  }

  /** Everything logged since the object was made, over all starts. */
  get log(): string {
    return this.#log;
  }

  get pid(): number {
    return this.#child!.pid;
  }

  /** Starts the daemon and waits until it guards; `options` follow those that name the configuration. */
  async start(options: readonly string[] = []): Promise<this> {
    const before = this.#log.length;
    const child = this.#lab.start("server", [
      ...(this.#options.as ?? []),
      this.#executable,
      "serve",
      "--config",
      this.config,
      ...options,
    ]);
    this.#child = child;
    void this.#read(child.stderr);
    await this.waitForLog(/Started in \d+ ms/, before);
    return this;
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.#log += decoder.decode(chunk, { stream: true });
      for (const wake of this.#waiters) wake();
    }
    for (const wake of this.#waiters) wake();
  }

  /** Waits for a log line written after position `from`; fails with the log when the daemon ends before. */
  async waitForLog(pattern: RegExp, from = 0, patienceMs = PATIENCE_MS): Promise<RegExpExecArray> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const found = pattern.exec(this.#log.slice(from));
      if (found !== null) return found;
      const left = deadline - Date.now();
      if (left <= 0 || (this.#child !== undefined && this.#child.exitCode !== null)) {
        throw new Error(`No line like ${pattern} in the log:\n${this.#log.slice(from)}`);
      }
      await this.#changed(left);
    }
  }

  #changed(mostMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(mostMs, 250));
    this.#waiters.add(resolve);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiters.delete(resolve);
    });
  }

  /** Ends the daemon and waits for it. Returns its exit code (null for a signal that killed it). */
  async stop(signal: "SIGTERM" | "SIGINT" | "SIGKILL" = "SIGTERM"): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    child.kill(signal);
    await child.exited;
    this.#child = undefined;
    return child.exitCode;
  }

  /** Waits until the daemon ended by itself; its exit code, null for a signal. */
  async ended(): Promise<number | null> {
    const child = this.#child!;
    await child.exited;
    this.#child = undefined;
    return child.exitCode;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child!.kill(signal);
  }

  /** Runs a command of the executable against this daemon. */
  command(...argv: string[]) {
    return run(this.argv(...argv), { mayFail: true });
  }

  /** The words of such a command, for a caller who runs it elsewhere. */
  argv(...argv: string[]): string[] {
    return [this.#executable, ...argv, "--config", this.config];
  }

  /** The profile link of a user for a door; `host` is the address that the client will knock on. */
  link(user: string, door: string, host = "10.77.0.1"): string {
    const [name = "", device] = user.split("/");
    const extra = device === undefined ? [] : ["--device", device];
    const shown = this.command("user", "show", name, ...extra, "--door", door, "--host", host);
    const link = /rks1:\/\/\S+/.exec(shown.out)?.[0];
    if (link === undefined) throw new Error(`no link in: ${shown.out}${shown.err}`);
    return link;
  }

  /** Knocks from a host of the lab with the executable's own client; every host keeps its own slots. */
  knock(host: Host, link: string, ...argv: string[]) {
    return this.#lab.run(
      host,
      ["env", `XDG_STATE_HOME=${this.dir}/${host}`, this.#executable, "knock", "-", ...argv],
      { mayFail: true, input: `${link}\n` },
    );
  }

  /** One request to the control socket. */
  async control(path: string, init: RequestInit = {}): Promise<Response> {
    return await fetch(`http://localhost${path}`, { ...init, unix: this.socket });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    rmSync(this.dir, { recursive: true, force: true });
  }
}
