/** knockd and fwknopd on the server of a lab, each opening by its own commands, as their manuals show it. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host, Lab } from "./lab.ts";
import { drain, PeerDaemon, waitFor } from "./peer-daemon.ts";

/** Both guard 8080/tcp: nftables for knockd, iptables for fwknopd, which supports nothing else. */
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

  /** The addresses it opened to, in order; waits for running commands. */
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

export interface FwknopdOptions {
  /** Seconds until the door closes again. Default 30. */
  readonly openSeconds?: number;
  /** Further lines of fwknopd.conf, without their semicolons. */
  readonly settings?: readonly string[];
  /** Users, each an access stanza with keys of his own. Default 1. */
  readonly users?: number;
  /** The ports that a packet may open. Default tcp/8080. */
  readonly opens?: readonly string[];
}

/** The keys of a user, in base64: encryption and HMAC, which must differ. */
function keysOf(user: number): { key: string; hmac: string } {
  const bytes = (length: number, mark: number) => {
    const key = Buffer.alloc(length, mark);
    key.writeUInt32BE(user);
    return key.toString("base64");
  };
  return { key: bytes(32, 7), hmac: bytes(64, 9) };
}

/** fwknopd 2.6.10: one encrypted UDP packet to 62201 opens 8080/tcp to its sender. */
export class Fwknopd extends PeerDaemon {
  #log = "";

  static async start(lab: Lab, options: FwknopdOptions = {}): Promise<Fwknopd> {
    const fwknopd = new Fwknopd(lab);
    await fwknopd.#start(options);
    return fwknopd;
  }

  async #start({
    openSeconds = 30,
    settings = [],
    users = 1,
    opens = ["tcp/8080"],
  }: FwknopdOptions): Promise<void> {
    const reject = opens.map((port) => {
      return `-A INPUT -p tcp --dport ${port.split("/")[1]} -j REJECT --reject-with tcp-reset`;
    });
    for (const rule of ["-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", ...reject])
      this.lab.run("server", ["iptables", ...rule.split(" ")]);
    const config = join(this.dir, "fwknopd.conf");
    const access = join(this.dir, "access.conf");
    const lines = [
      "PCAP_INTF eth0",
      "ENABLE_PCAP_PROMISC N",
      `FWKNOP_RUN_DIR ${this.dir}`,
      ...settings,
    ];
    writeFileSync(config, lines.map((line) => `${line};\n`).join(""), { mode: 0o600 });
    const stanzas = Array.from({ length: users }, (_, i) => {
      const { key, hmac } = keysOf(i);
      return `SOURCE ANY\nOPEN_PORTS ${opens.join(",")}\nKEY_BASE64 ${key}\nHMAC_KEY_BASE64 ${hmac}\nFW_ACCESS_TIMEOUT ${openSeconds}\n`;
    });
    writeFileSync(access, stanzas.join("\n"), { mode: 0o600 });
    this.child = this.lab.start(
      "server",
      `fwknopd -f -c ${config} -a ${access} -d ${this.dir}/digest -p ${this.dir}/pid -r ${this.dir}`.split(
        " ",
      ),
    );
    void drain(this.child.stdout);
    void this.#read(this.child.stderr);
    const deadline = Date.now() + 15_000;
    while (!/Starting fwknopd main event loop|Kicking off UDP server/.test(this.#log)) {
      if (Date.now() > deadline) throw new Error(`fwknopd did not start: ${this.#log}`);
      await Bun.sleep(50);
    }
    await Bun.sleep(300); // the capture is attached after that line
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.#log += decoder.decode(chunk, { stream: true });
  }

  #client(allow: string, more: readonly string[], user = 0, access = "tcp/8080"): string[] {
    const { key, hmac } = keysOf(user);
    const words =
      `env HOME=${this.dir} fwknop -A ${access} -a ${allow} -D 10.77.0.1 --no-save-args --no-rc-file ` +
      `--key-base64-rijndael ${key} --key-base64-hmac ${hmac} --use-hmac`;
    return [...words.split(" "), ...more];
  }

  #saved(host: Host, argv: readonly string[]): string {
    this.lab.run(host, argv);
    return readFileSync(join(this.dir, "packet"), "latin1").split("\n").findLast(Boolean)!;
  }

  /**
   * Sends one packet from a host, with a request to open to `allow`. Returns the datagram's
   * content.
   */
  knock(host: Host, allow: string): string {
    const save = ["-B", join(this.dir, "packet"), "--save-packet-append"];
    return this.#saved(host, this.#client(allow, save));
  }

  /** The content of a datagram that would open `access` to `allow`; valid for two minutes, once. */
  packet(allow: string, user = 0, access = "tcp/8080"): string {
    const save = ["--test", "-B", join(this.dir, "packet"), "--save-packet-append"];
    return this.#saved("client", this.#client(allow, save, user, access));
  }

  /** Sends one packet each for many addresses, all clients at work at once. */
  async knockAll(host: Host, addresses: readonly string[]): Promise<void> {
    const children = addresses.map((allow) => this.lab.start(host, this.#client(allow, [])));
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
