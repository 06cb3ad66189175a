/**
 * A small network of namespaces for one test file:
 *
 *     server ──┐
 *     client ──┼── wire (a bridge in a namespace of its own)
 *     stranger ┘
 *     server ──── container      behind the server; 10.88.0.0/24, fd88::/64
 *
 * server 10.77.0.1 fd77::1, client .2 ::2, stranger .3 ::3; server 10.88.0.1, container 10.88.0.2.
 * Namespaces carry the id of the process that made them; a new lab removes those of dead ones.
 */

import { existsSync, readdirSync } from "node:fs";
import { run, spawn } from "./programs.ts";

export type Host = "server" | "client" | "stranger" | "container";

const HOSTS = ["server", "client", "stranger", "container"] as const;
let made = 0;

function removeLeftovers(): void {
  if (!existsSync("/run/netns")) return;
  for (const name of readdirSync("/run/netns")) {
    const owner = /^sallyport-(\d+)-/.exec(name)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) removeNamespace(name);
  }
}

/** Ends everything that still runs inside, then removes the namespace. */
function removeNamespace(name: string): void {
  const pids = run(["ip", "netns", "pids", name], { mayFail: true })
    .out.split("\n")
    .filter(Boolean);
  for (const pid of pids) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It ended by itself in between.
    }
  }
  run(["ip", "netns", "delete", name], { mayFail: true });
}

/** Labs that stand. */
const standing = new Set<Lab>();

/** A run that is ended by hand leaves no namespace, and nothing that runs in one. */
function removeAllAtSignals(): void {
  for (const [signal, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
    ["SIGHUP", 1],
  ] as const) {
    process.once(signal, () => {
      for (const lab of standing) lab[Symbol.dispose]();
      process.exit(128 + number);
    });
  }
}

export class Lab implements Disposable {
  readonly #prefix = `sallyport-${process.pid}-${++made}`;
  readonly #children: Bun.Subprocess[] = [];

  /** The address of a host, as its peers on the wire see it. */
  readonly address4 = { server: "10.77.0.1", client: "10.77.0.2", stranger: "10.77.0.3" } as const;
  readonly address6 = { server: "fd77::1", client: "fd77::2", stranger: "fd77::3" } as const;

  constructor() {
    removeLeftovers();
    if (made === 1) removeAllAtSignals();
    standing.add(this);
    const wire = this.#namespace("wire");
    run(["ip", "netns", "add", wire]);
    // A bridge is no host: it needs no address, and says nothing.
    run(["ip", "netns", "exec", wire, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"]);
    run(["ip", "-n", wire, "link", "add", "bridge0", "type", "bridge"]);
    run(["ip", "-n", wire, "link", "set", "bridge0", "up"]);
    for (const host of HOSTS) {
      run(["ip", "netns", "add", this.namespace(host)]);
      this.run(host, [
        "sysctl",
        "-qw",
        // No address is tentative for its first second or two (RFC 4862, 5.4): a probe would be silent.
        "net.ipv6.conf.default.accept_dad=0",
        // Nor is a group announced within the next hour (RFC 3810, 9.11): tests count what comes by, and a
        // capture takes every packet with an extension header. A bridge without a querier floods groups.
        "net.ipv6.conf.default.mldv2_unsolicited_report_interval=3600000",
      ]);
      run(["ip", "-n", this.namespace(host), "link", "set", "lo", "up"]);
    }
    for (const [i, host] of (["server", "client", "stranger"] as const).entries()) {
      const to = this.namespace(host);
      run(["ip", "-n", wire, "link", "add", `w${i}`, "type", "veth", "peer", "eth0", "netns", to]);
      run(["ip", "-n", wire, "link", "set", `w${i}`, "master", "bridge0", "up"]);
      this.addAddress(host, "eth0", `${this.address4[host]}/16`);
      this.addAddress(host, "eth0", `${this.address6[host]}/64`);
      run(["ip", "-n", to, "link", "set", "eth0", "up"]);
    }
    const server = this.namespace("server");
    const container = this.namespace("container");
    run([
      "ip",
      "-n",
      server,
      "link",
      "add",
      "ctr0",
      "type",
      "veth",
      "peer",
      "eth0",
      "netns",
      container,
    ]);
    for (const [host, device, last] of [
      ["server", "ctr0", 1],
      ["container", "eth0", 2],
    ] as const) {
      this.addAddress(host, device, `10.88.0.${last}/24`);
      this.addAddress(host, device, `fd88::${last}/64`);
      run(["ip", "-n", this.namespace(host), "link", "set", device, "up"]);
    }
    run(["ip", "-n", container, "route", "add", "default", "via", "10.88.0.1"]);
    run(["ip", "-n", container, "-6", "route", "add", "default", "via", "fd88::1"]);
    for (const host of ["client", "stranger"] as const) {
      run(["ip", "-n", this.namespace(host), "route", "add", "10.88.0.0/24", "via", "10.77.0.1"]);
      run(["ip", "-n", this.namespace(host), "-6", "route", "add", "fd88::/64", "via", "fd77::1"]);
    }
    this.run("server", [
      "sysctl",
      "-qw",
      "net.ipv4.ip_forward=1",
      "net.ipv6.conf.all.forwarding=1",
    ]);
    for (const host of ["server", "client", "stranger"] as const) this.#introduce(host, "eth0");
  }

  /**
   * Makes a host known to the others on the wire, with all its addresses. Rules that drop IPv6 drop
   * neighbour discovery, too: a host that has looked in vain looks again only a second later, and
   * the first probe after such rules would be silent.
   */
  #introduce(host: Host, device: string): void {
    const { out } = this.run(host, ["ip", "-json", "address", "show", "dev", device]);
    const [link] = JSON.parse(out) as [{ address: string; addr_info: { local: string }[] }];
    const known = link.addr_info.map(
      ({ local }) => `neighbour replace ${local} lladdr ${link.address} dev ${device}\n`,
    );
    for (const other of ["server", "client", "stranger"] as const) {
      if (other !== host) this.run(other, ["ip", "-batch", "-"], { input: known.join("") });
    }
  }

  #namespace(name: string): string {
    return `${this.#prefix}-${name}`;
  }

  /** The name of the host for `ip netns`. */
  namespace(host: Host): string {
    return this.#namespace(host);
  }

  /** Adds an address with its prefix length, "10.77.1.9/16"; usable at once (no duplicate detection). */
  addAddress(host: Host, device: string, address: string): void {
    const noDad = address.includes(":") ? ["nodad"] : [];
    run(["ip", "-n", this.namespace(host), "address", "add", address, "dev", device, ...noDad]);
  }

  /** Runs a command on a host to its end. */
  run(host: Host, argv: readonly string[], options: { mayFail?: boolean; input?: string } = {}) {
    return run(["ip", "netns", "exec", this.namespace(host), ...argv], options);
  }

  /** Starts a command on a host; it is ended with the lab. Standard output and error are pipes. */
  start(host: Host, argv: readonly string[], env: Record<string, string> = {}) {
    const child = spawn(["ip", "netns", "exec", this.namespace(host), ...argv], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, ...env },
    });
    this.#children.push(child);
    return child;
  }

  [Symbol.dispose](): void {
    standing.delete(this);
    for (const child of this.#children) child.kill("SIGKILL");
    for (const host of HOSTS) removeNamespace(this.namespace(host));
    removeNamespace(this.#namespace("wire"));
  }
}
