/** The client of a lab with a home of its own: a saved profile, and an ssh_config that `ssh-config` wrote. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "./executable.ts";
import type { Lab } from "./lab.ts";
import { run, spawn } from "./programs.ts";
import type { SshKeys } from "./ssh.ts";

export class ProxyClient implements Disposable {
  readonly home = mkdtempSync(join(tmpdir(), "sallyport-proxy-"));
  readonly config = join(this.home, "ssh_config");
  readonly #lab: Lab;
  readonly #keys: SshKeys;

  /** Saves the link as the profile "home". */
  constructor(lab: Lab, keys: SshKeys, link: string) {
    this.#lab = lab;
    this.#keys = keys;
    run([...this.env, EXECUTABLE, "profile", "add", "--name", "home"], { input: link });
    this.write(run([...this.env, EXECUTABLE, "ssh-config", "home"]).out);
  }

  /**
   * In front of a command: the folders of this home. HOME, too, since a bash whose standard input is a
   * socket, as ssh starts it for ProxyUseFdpass, reads ~/.bashrc.
   */
  get env(): string[] {
    const folders = [`XDG_CONFIG_HOME=${this.home}/config`, `XDG_STATE_HOME=${this.home}/state`];
    return ["env", `HOME=${this.home}`, ...folders];
  }

  /** Writes the ssh_config: `lines`, and below them what every client is told. */
  write(lines: string): void {
    writeFileSync(this.config, `${lines}\n${this.#keys.config}`);
  }

  /** Has ssh pass its pipes instead of taking the socket. */
  pipeOnly(): this {
    this.write(this.lines().replace(/^ *ProxyUseFdpass.*\n/m, ""));
    return this;
  }

  /** The ssh_config as it is. */
  lines(): string {
    return readFileSync(this.config, "utf8");
  }

  /** Runs a program on the client of the lab to its end. */
  run(...argv: string[]) {
    return this.#lab.run("client", [...this.env, ...argv], { mayFail: true });
  }

  ssh(...argv: string[]) {
    return this.run("ssh", "-F", this.config, ...argv);
  }

  /** Starts a program on the client, with pipes. */
  start(...argv: string[]) {
    return spawn(["ip", "netns", "exec", this.#lab.namespace("client"), ...this.env, ...argv], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  /** A shell on the server; `say` runs one command in it and answers its output. */
  shell(...options: string[]) {
    const child = this.start("ssh", "-F", this.config, ...options, "home", "sh");
    const reader = child.stdout.getReader();
    let heard = "";
    const say = async (command: string) => {
      const marker = `done-${Math.random()}`;
      void child.stdin.write(`${command}; echo ${marker}\n`);
      await child.stdin.flush();
      while (!heard.includes(marker)) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`ssh ended: ${await new Response(child.stderr).text()}`);
        heard += new TextDecoder().decode(value);
      }
      const answer = heard.slice(0, heard.indexOf(marker)).trim();
      heard = "";
      return answer;
    };
    return { child, say, [Symbol.dispose]: () => child.kill("SIGKILL") };
  }

  /** The process ids of `sallyport proxy` on the client. */
  proxies(): number[] {
    const { out } = run(["ip", "netns", "pids", this.#lab.namespace("client")]);
    return out
      .split("\n")
      .filter(Boolean)
      .map(Number)
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(`${EXECUTABLE}\0proxy`);
        } catch {
          return false; // ended meanwhile
        }
      });
  }

  /** The slots used so far, in order. */
  slots(): number[] {
    return readdirSync(this.home, { recursive: true, encoding: "utf8" })
      .filter((path) => /state\/sallyport\/slots\/.*\/\d+$/.test(path))
      .map((path) => Number(path.split("/").at(-1)))
      .sort((a, b) => a - b);
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}
