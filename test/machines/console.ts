/** Runs commands in a machine through a port of virtio: no network is needed, whatever a guard or a step closed. */

import type { Socket, UnixSocketListener } from "bun";

/** How a command in the machine ended; both outputs together. */
export interface Ended {
  readonly code: number;
  readonly out: string;
}

export class Console implements Disposable {
  readonly #listener: UnixSocketListener<undefined>;
  readonly #waiting = new Map<string, PromiseWithResolvers<Ended>>();
  #socket: Socket | undefined;
  #rest = "";
  #commands = 0;
  #boot = "";
  #booted = Promise.withResolvers<void>();

  /** Listens at `path`, where qemu connects; one machine at a time. */
  constructor(path: string) {
    this.#listener = Bun.listen({
      unix: path,
      socket: {
        open: (socket) => {
          this.#socket = socket;
          this.#rest = "";
        },
        data: (_, bytes) => this.#take(bytes.toString("latin1")),
        close: () => {
          this.#socket = undefined;
          this.#lose("the machine went off");
        },
      },
    });
  }

  /** Waits until a machine says that it has booted, another time than `before`; answers the id of the boot. */
  async booted(before: string, mostMs: number): Promise<string> {
    const deadline = performance.now() + mostMs;
    while (this.#boot === "" || this.#boot === before) {
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`no boot within ${mostMs / 1_000} s`);
      await Promise.race([this.#booted.promise, Bun.sleep(left)]);
    }
    return this.#boot;
  }

  /** Runs a script with bash in the machine, at most so long. */
  async run(script: string, mostMs: number): Promise<Ended> {
    if (this.#socket === undefined) throw new Error("the machine is off");
    const id = String(++this.#commands);
    const answer = Promise.withResolvers<Ended>();
    this.#waiting.set(id, answer);
    this.#socket.write(`${id} ${Buffer.from(script).toString("base64")}\n`);
    const late = setTimeout(
      () => answer.reject(new Error(`not done within ${mostMs / 1_000} s: ${script.trim()}`)),
      mostMs,
    );
    try {
      return await answer.promise;
    } finally {
      clearTimeout(late);
      this.#waiting.delete(id);
    }
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const [id = "", code = "", out = ""] = line.split(" ");
      if (id !== "boot") {
        const ended = { code: Number(code), out: Buffer.from(out, "base64").toString().trimEnd() };
        this.#waiting.get(id)?.resolve(ended);
        continue;
      }
      // Nobody answers a command from before a reboot.
      this.#lose("the machine booted meanwhile");
      this.#boot = code;
      this.#booted.resolve();
      this.#booted = Promise.withResolvers();
    }
  }

  #lose(why: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }
}
