/**
 * The demo itself: closed, knock, open, the connection lives, closed again; with real packets and a
 * real kernel.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf, SallyportError } from "../../core/errors.ts";
import { selfCommand } from "../../core/self.ts";
import { codeOf } from "../../core/system-error.ts";
import { print, styled } from "../output.ts";
import { LineReader } from "./line-reader.ts";
import { DemoNetwork, SERVER_ADDRESS, type Side, VISITOR_ADDRESS } from "./network.ts";

const PORT = 2222;
const OPEN_FOR_SECONDS = 3;

type Child = Bun.Subprocess<"pipe", "pipe", "pipe">;

function configText(dir: string): string {
  return [
    "[server]",
    'name = "demo"',
    'interfaces = ["eth0"]',
    `state_dir = "${dir}/state"`,
    "[door.service]",
    `opens = ["${PORT}/tcp"]`,
    'users = ["you"]',
    `open_for = "${OPEN_FOR_SECONDS}s"`,
    "[api]",
    `socket = "${dir}/control.sock"`,
  ].join("\n");
}

/** A folder with the configuration in it. Throws a SallyportError, and then there is none. */
function makeFolder(): string {
  let dir: string | undefined;
  try {
    dir = mkdtempSync(join(tmpdir(), "sallyport-demo-"));
    writeFileSync(join(dir, "config.toml"), configText(dir));
    return dir;
  } catch (error) {
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
    throw new SallyportError(
      `Cannot make the demo's folder in ${tmpdir()}: ${codeOf(error) ?? messageOf(error)}: make it writable, with room, or name another in TMPDIR`,
      undefined,
      { cause: error },
    );
  }
}

export class Play implements Disposable {
  readonly #dir = makeFolder();
  readonly #config = join(this.#dir, "config.toml");
  readonly #network: DemoNetwork;
  readonly #children: Child[] = [];

  /** Throws a SallyportError where the demo has no place here, and leaves nothing. */
  constructor() {
    try {
      this.#network = new DemoNetwork();
    } catch (error) {
      rmSync(this.#dir, { recursive: true, force: true });
      throw error;
    }
  }

  /** Plays all acts; throws when one of them fails. */
  async run(): Promise<void> {
    const link = this.#addUser();
    this.#act("A server with a service on port 2222, guarded by sallyport");
    await this.#start("server", "demo", "--play", "service", "--port", `${PORT}`).lines.next(
      /listening/,
    );
    const daemon = this.#start("server", "serve", "--config", this.#config);
    this.#said("server", (await daemon.errors.next(/Guarding/)).replace(/^\S+ info /, ""));
    await daemon.errors.next(/Started/);
    const visitor = this.#start("visitor", "demo", "--play", "visitor", "--port", `${PORT}`);
    const ask = async (word: string) => {
      void visitor.child.stdin.write(`${word}\n`);
      await visitor.child.stdin.flush();
      return await visitor.lines.next(/./);
    };

    this.#act("Before the knock the port answers like every other closed port");
    this.#expect("connect to 2222", await ask("probe"), "refused");

    this.#act(
      "The right knock: eight ports that nobody can guess, good for this half minute and once",
    );
    this.#said("visitor", this.#knock(link));
    this.#said("server", (await daemon.errors.next(/Opened/)).replace(/^\S+ info /, ""));
    this.#expect("connect to 2222", await ask("connect"), "welcome");

    this.#act(
      `${OPEN_FOR_SECONDS} seconds later the kernel closes the door by itself; who is inside stays inside`,
    );
    this.#said("server", (await daemon.errors.next(/Closed/)).replace(/^\S+ info /, ""));
    this.#expect("connect to 2222", await ask("probe"), "refused");
    this.#expect("the connection made before", await ask("say"), "still here");
  }

  #addUser(): string {
    const argv = ["user", "add", "you", "--host", SERVER_ADDRESS, "--config", this.#config];
    const done = Bun.spawnSync([...selfCommand(), ...argv], { stderr: "pipe" });
    const link = /rks1:\/\/\S+/.exec(done.stdout.toString())?.[0];
    if (link === undefined) {
      throw new SallyportError(
        `The demo failed: no key was made: ${done.stderr.toString().trim()}`,
      );
    }
    return link;
  }

  /** The link goes in by standard input, where no process list shows it. */
  #knock(link: string): string {
    const done = Bun.spawnSync(
      [...this.#network.inside("visitor"), ...selfCommand(), "knock", "-"],
      {
        stdin: Buffer.from(`${link}\n`),
        env: { ...process.env, XDG_STATE_HOME: join(this.#dir, "visitor") },
        stderr: "pipe",
      },
    );
    if (done.exitCode === 0) return done.stdout.toString().trim();
    throw new SallyportError(
      `The demo failed: the knock did not open: ${done.stderr.toString().trim()}`,
    );
  }

  #start(side: Side, ...argv: string[]) {
    const child = Bun.spawn([...this.#network.inside(side), ...selfCommand(), ...argv], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#children.push(child);
    return { child, lines: new LineReader(child.stdout), errors: new LineReader(child.stderr) };
  }

  #act(title: string): void {
    print(`\n${styled("bold", title)}`);
  }

  #said(side: Side, text: string): void {
    const address = side === "server" ? SERVER_ADDRESS : VISITOR_ADDRESS;
    print(`  ${styled("dim", `${side.padEnd(7)} ${address}`)}  ${text}`);
  }

  #expect(what: string, found: string, wanted: string): void {
    const mark = found === wanted ? styled("green", "✓") : styled("red", "✗");
    this.#said("visitor", `${mark} ${what}: ${found}`);
    if (found !== wanted)
      throw new SallyportError(`The demo failed: ${what}: ${found}, not ${wanted}`);
  }

  /** Ends everything that the play started, also after a failure or Ctrl-C. */
  [Symbol.dispose](): void {
    for (const child of this.#children.splice(0)) child.kill("SIGKILL");
    this.#network[Symbol.dispose]();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
