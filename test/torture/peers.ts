/** knockd and fwknopd on the server of a lab, each opening by its own commands, as their manuals show it. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Host, Lab } from "../support/lab.ts";

/** Both guard 8080/tcp: nftables for knockd, iptables for fwknopd, which knows nothing else. */
const KNOCKD_RULES = `table inet filter {
  set open { type ipv4_addr; }
  chain input { type filter hook input priority 0; policy accept;
    ct state established,related accept
    ip saddr @open tcp dport 8080 accept
    tcp dport 8080 reject with tcp reset
  }
}
`;

interface KnockdOptions {
  readonly sequence?: readonly number[];
  /** Seconds until the door closes again. Default 30. */
  readonly openSeconds?: number;
}

type Child = ReturnType<Lab["start"]>;

/** Reads what a child prints until `pattern`; throws with all of it when the child ends before. */
async function waitFor(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<void> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  for (let said = ""; !pattern.test(said);) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`No line like ${pattern}: ${said}`);
    said += decoder.decode(value, { stream: true });
  }
  reader.releaseLock();
  void drain(stream);
}

/** A full pipe would stop the daemon. */
async function drain(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const _ of stream) continue;
}

abstract class PeerDaemon implements Disposable {
  protected readonly lab: Lab;
  protected readonly dir = mkdtempSync(join(tmpdir(), "sallyport-peer-"));
  protected child: Child | undefined;

  constructor(lab: Lab) {
    this.lab = lab;
  }

  /** Ends every process of the daemon, as systemd does with a service that is killed. */
  abstract kill(): void;

  protected killNamed(name: string): void {
    const { out } = this.lab.run("server", ["ip", "netns", "pids", this.lab.namespace("server")]);
    for (const pid of out.split("\n").filter(Boolean)) {
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        if (argv.some((word) => word.endsWith(name))) process.kill(Number(pid), "SIGKILL");
      } catch {
        // It ended by itself in between.
      }
    }
  }

  [Symbol.dispose](): void {
    this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** knockd 0.8 with one door: by default 7000, 8000, 9000 opens 8080/tcp to the sender. */
export class Knockd extends PeerDaemon {
  readonly #opened = join(this.dir, "opened");

  static async start(lab: Lab, options: KnockdOptions = {}): Promise<Knockd> {
    const knockd = new Knockd(lab);
    await knockd.#start(options);
    return knockd;
  }

  async #start({ sequence = [7000, 8000, 9000], openSeconds = 30 }: KnockdOptions): Promise<void> {
    this.lab.run("server", ["nft", "-f", "-"], { input: KNOCKD_RULES });
    writeFileSync(this.#opened, "");
    const config = join(this.dir, "knockd.conf");
    writeFileSync(
      config,
      `[options]
  Interface = eth0
[door]
  sequence = ${sequence.join(",")}
  seq_timeout = 10
  tcpflags = syn
  start_command = echo %IP% >> ${this.#opened}; nft add element inet filter open { %IP% }
  cmd_timeout = ${openSeconds}
  stop_command = nft delete element inet filter open { %IP% }
`,
    );
    this.child = this.lab.start("server", ["knockd", "-v", "-c", config]);
    void drain(this.child.stderr);
    await waitFor(this.child.stdout, /listening on/);
  }

  /** The addresses it opened to, in order; waits for the commands that are on their way. */
  async opened(): Promise<string[]> {
    for (let before = -1; ;) {
      const lines = readFileSync(this.#opened, "utf8").split("\n").filter(Boolean);
      if (lines.length === before) return lines;
      before = lines.length;
      await Bun.sleep(300);
    }
  }

  kill(): void {
    this.killNamed("knockd");
    this.killNamed("sleep");
  }
}

const FWKNOP_KEY = Buffer.alloc(32, 7).toString("base64");
const FWKNOP_HMAC = Buffer.alloc(64, 9).toString("base64");

/** fwknopd 2.6.10: one encrypted UDP packet to 62201 opens 8080/tcp to its sender. */
export class Fwknopd extends PeerDaemon {
  #log = "";

  static async start(lab: Lab, openSeconds = 30): Promise<Fwknopd> {
    const fwknopd = new Fwknopd(lab);
    await fwknopd.#start(openSeconds);
    return fwknopd;
  }

  async #start(openSeconds: number): Promise<void> {
    const rules = [
      "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
      "-A INPUT -p tcp --dport 8080 -j REJECT --reject-with tcp-reset",
    ];
    for (const rule of rules) this.lab.run("server", ["iptables", ...rule.split(" ")]);
    const config = join(this.dir, "fwknopd.conf");
    const access = join(this.dir, "access.conf");
    writeFileSync(
      config,
      `PCAP_INTF eth0;\nENABLE_PCAP_PROMISC N;\nFWKNOP_RUN_DIR ${this.dir};\n`,
      {
        mode: 0o600,
      },
    );
    writeFileSync(
      access,
      `SOURCE ANY\nOPEN_PORTS tcp/8080\nKEY_BASE64 ${FWKNOP_KEY}\nHMAC_KEY_BASE64 ${FWKNOP_HMAC}\nFW_ACCESS_TIMEOUT ${openSeconds}\n`,
      { mode: 0o600 },
    );
    this.child = this.lab.start(
      "server",
      `fwknopd -f -c ${config} -a ${access} -d ${this.dir}/digest -p ${this.dir}/pid -r ${this.dir}`.split(
        " ",
      ),
    );
    void drain(this.child.stdout);
    void this.#read(this.child.stderr);
    const deadline = Date.now() + 15_000;
    while (!this.#log.includes("Starting fwknopd main event loop")) {
      if (Date.now() > deadline) throw new Error(`fwknopd did not start: ${this.#log}`);
      await Bun.sleep(50);
    }
    await Bun.sleep(300); // the capture is attached after that line
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.#log += decoder.decode(chunk, { stream: true });
  }

  #client(allow: string, ...more: string[]): string[] {
    const words =
      `env HOME=${this.dir} fwknop -A tcp/8080 -a ${allow} -D 10.77.0.1 --no-save-args --no-rc-file ` +
      `--key-base64-rijndael ${FWKNOP_KEY} --key-base64-hmac ${FWKNOP_HMAC} --use-hmac`;
    return [...words.split(" "), ...more];
  }

  /** Sends one packet from a host, which asks to open to `allow`; answers the datagram's content. */
  knock(host: Host, allow: string): string {
    const saved = join(this.dir, "packet");
    this.lab.run(host, this.#client(allow, "-B", saved, "--save-packet-append"));
    return readFileSync(saved, "latin1").split("\n").findLast(Boolean)!;
  }

  /** Sends one packet each for many addresses, all clients at work at once. */
  async knockAll(host: Host, addresses: readonly string[]): Promise<void> {
    const children = addresses.map((allow) => this.lab.start(host, this.#client(allow)));
    await Promise.all(children.map(async (child) => await child.exited));
  }

  /** The addresses it opened to, in order. */
  opened(): string[] {
    return [...this.#log.matchAll(/Added access rule to \S+ for (\S+?),? /g)].map((m) => m[1]!);
  }

  get log(): string {
    return this.#log;
  }

  kill(): void {
    this.killNamed("fwknopd");
  }
}
