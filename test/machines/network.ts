/**
 * The network of a machine: a namespace of the test, from which everybody outside comes.
 *
 *     outside 10.79.0.1 fd79::1 ── wire (a tap) ── machine 10.79.0.2 fd79::2
 */

import { run, spawn, type Finished } from "../support/programs.ts";

/** Labs take away namespaces of this form whose process is dead. */
const NAME = `sallyport-${process.pid}-machine`;

export class Network implements Disposable {
  readonly name = NAME;
  /** Files of the client: its profile, and the slots it used. */
  readonly #home: string;

  /** `home` is an empty folder. Needs root. */
  constructor(home: string) {
    this.#home = home;
    run(["ip", "netns", "add", NAME]);
    for (const link of [
      "link set lo up",
      "tuntap add dev wire mode tap",
      "address add 10.79.0.1/24 dev wire",
      "address add fd79::1/64 dev wire nodad",
      "link set wire up",
    ]) {
      run(["ip", "-n", NAME, ...link.split(" ")]);
    }
  }

  /** `argv` as a command that runs here. */
  here(argv: readonly string[]): string[] {
    return ["ip", "netns", "exec", NAME, ...argv];
  }

  /** Runs a program outside of the machine to its end; none of it may take a minute. */
  run(argv: readonly string[], options: { input?: string; mayFail?: boolean } = {}): Finished {
    return run(this.here(argv), { ...options, env: this.#env });
  }

  /** Starts a program outside of the machine, with pipes. */
  start(argv: readonly string[]) {
    return spawn(this.here(argv), {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      env: this.#env,
    });
  }

  get #env(): Record<string, string | undefined> {
    const home = this.#home;
    return { ...process.env, HOME: home, XDG_STATE_HOME: home, XDG_CONFIG_HOME: home };
  }

  [Symbol.dispose](): void {
    run(["ip", "netns", "delete", NAME], { mayFail: true });
  }
}
