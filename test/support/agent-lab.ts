/** A guarded web site and sshd, by the name gate.example, and clients with a `sallyport agent`. */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXECUTABLE } from "./executable.ts";
import type { ProxyClient } from "./proxy-client.ts";
import { ProxyLab } from "./proxy-lab.ts";
import type { DoorName } from "./proxy-lab.ts";
import { startWebSite } from "./web-site.ts";

/** A line that has not come by then is a failure. */
const PATIENCE_MS = 20_000;

export const PROXY = "127.0.0.1:1080";

/** A running agent, and the client of the lab that it runs on. */
export class RunningAgent implements AsyncDisposable {
  readonly client: ProxyClient;
  readonly #child: ReturnType<ProxyClient["start"]>;
  readonly #ended: Promise<unknown>;
  readonly #waiters = new Set<() => void>();
  #said = "";

  constructor(client: ProxyClient, options: readonly string[]) {
    this.client = client;
    this.#child = client.start(EXECUTABLE, "agent", ...options);
    this.#ended = Promise.all([this.#read(this.#child.stdout), this.#read(this.#child.stderr)]);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** All that it wrote so far, on both streams. */
  get said(): string {
    return this.#said;
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.#said += decoder.decode(chunk, { stream: true });
      for (const wake of this.#waiters) wake();
    }
    for (const wake of this.#waiters) wake();
  }

  /** Waits for something that it writes. */
  async says(pattern: RegExp): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!pattern.test(this.#said)) {
      if (Date.now() > deadline || this.#child.exitCode !== null) {
        throw new Error(`It did not say ${pattern}: ${this.#said}`);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, 250);
      this.#waiters.add(resolve);
      await promise;
      clearTimeout(timer);
      this.#waiters.delete(resolve);
    }
  }

  /** Ends it as systemd does; its exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    await this.#child.exited;
    await this.#ended;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
    this.client[Symbol.dispose]();
  }
}

export class AgentLab implements AsyncDisposable {
  readonly proxy = new ProxyLab("drop");
  readonly #names = `/etc/netns/${this.proxy.lab.namespace("client")}`;

  async start(): Promise<this> {
    mkdirSync(this.#names, { recursive: true });
    writeFileSync(
      join(this.#names, "hosts"),
      "127.0.0.1 localhost\n10.77.0.1 gate.example\n10.77.0.3 elsewhere.example\n",
    );
    await this.proxy.start();
    await startWebSite(this.proxy.lab, "server", this.proxy.keys.dir);
    return this;
  }

  /** An agent for a new user's link to a door of gate.example, whose doors are closed. */
  async agent(options: readonly string[] = [], door: DoorName = "web"): Promise<RunningAgent> {
    const client = this.proxy.client(this.proxy.link(door, "gate.example"));
    const agent = new RunningAgent(client, options);
    await agent.says(/SOCKS5 and HTTP CONNECT|leads to/);
    return agent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#names, { recursive: true, force: true });
    await this.proxy[Symbol.asyncDispose]();
  }
}
