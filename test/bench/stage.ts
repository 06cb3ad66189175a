/**
 * A lab for one contestant: a listening service, thousands of client addresses, a prober and a load.
 *
 *     client 10.77.0.2, and all of 10.64.0.0/12 ── wire ── server 10.77.0.1, a service on 8080
 *
 * The honest clients' addresses are local to the client's namespace and routed there by the server, so that
 * a new one needs neither a command nor an ARP request. Forged sources have no way back: what the server's
 * kernel answers to them stays there.
 */

import { Lab } from "../support/lab.ts";
import { frame, ipv4, udp } from "../support/frames.ts";
import { startEcho } from "../support/service.ts";
import { LinkType } from "../../src/core/link-type.ts";
import { Wire, type WireKnock } from "../torture/wire.ts";
import type { Load } from "./load/load.ts";
import { AS_SENDER } from "./processors.ts";
import { Prober } from "./prober-process.ts";
import { spawn } from "../support/programs.ts";

export const SERVER = "10.77.0.1";
const CLIENT = "10.77.0.2";
export const SOURCES = "10.64.0.0/12";
const SEND = new URL("load/send.ts", import.meta.url).pathname;

export interface Sent {
  readonly sent: number;
  readonly seconds: number;
}

export class Stage implements Disposable {
  readonly lab = new Lab();
  readonly #wire = new Wire(this.lab);
  #sources = 0;
  #prober: Prober | undefined;

  /** `services` are the ports that answer; all others are closed. */
  static async set(services: readonly number[]): Promise<Stage> {
    const stage = new Stage();
    try {
      stage.#route();
      for (const port of services) await startEcho(stage.lab, "server", port);
      return stage;
    } catch (error) {
      stage[Symbol.dispose]();
      throw error;
    }
  }

  #route(): void {
    const { lab } = this;
    const mac = (host: "server" | "client") =>
      lab.run(host, ["cat", "/sys/class/net/eth0/address"]).out.trim();
    const routes = [
      ["server", `route add ${SOURCES} via ${CLIENT}`],
      ["server", `neigh replace ${CLIENT} lladdr ${mac("client")} dev eth0 nud permanent`],
      ["client", `route add local ${SOURCES} dev lo`],
      ["client", `neigh replace ${SERVER} lladdr ${mac("server")} dev eth0 nud permanent`],
    ] as const;
    for (const [host, words] of routes) lab.run(host, ["ip", ...words.split(" ")]);
  }

  /** Addresses from which no opening on this stage came before. */
  sources(count: number): string[] {
    return Array.from({ length: count }, () => {
      const n = ++this.#sources;
      return `10.${64 + (n >>> 16)}.${(n >>> 8) & 0xff}.${n & 0xff}`;
    });
  }

  /** The Ethernet frame of a SYN or an empty datagram to the server. */
  frame(knock: Omit<WireKnock, "to">): Uint8Array {
    return this.#wire.frame({ to: SERVER, ...knock });
  }

  /** The Ethernet frame of a datagram to the server. */
  datagram(from: string, port: number, payload: Uint8Array): Uint8Array {
    const destination = this.frame({ from, port }).slice(0, 6);
    return frame(LinkType.ethernet, ipv4(from, SERVER, udp(port, { payload })), { destination });
  }

  /** The process that knocks and probes; started on first use. */
  get prober(): Prober {
    this.#prober ??= new Prober(this.lab);
    return this.#prober;
  }

  /**
   * Sends a load alone, for so many seconds or frames, whichever ends first. Returns what was
   * really sent.
   */
  async flood(load: Load, { seconds = 3_600, frames = Infinity } = {}): Promise<Sent> {
    const inNamespace = ["ip", "netns", "exec", this.lab.namespace("client")];
    const limits = [String(seconds), String(frames)];
    const child = spawn([...inNamespace, ...AS_SENDER, process.execPath, SEND, "eth0", ...limits], {
      stdin: Buffer.from(JSON.stringify(load)),
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    if (out === "") throw new Error(`The load failed: ${err}`);
    return JSON.parse(out) as Sent;
  }

  /** Frames that have reached the server's interface. */
  received(): number {
    const file = "/sys/class/net/eth0/statistics/rx_packets";
    return Number(this.lab.run("server", ["cat", file]).out);
  }

  /** Waits until a daemon on the server has a packet socket; throws when it ends before. */
  async captureOf(daemon: Bun.Subprocess): Promise<void> {
    // One line of heads, then one a socket.
    const sockets = () =>
      this.lab.run("server", ["cat", "/proc/net/packet"]).out.trim().split("\n");
    for (const deadline = performance.now() + 10_000; sockets().length < 2; await Bun.sleep(20)) {
      if (daemon.exitCode !== null || performance.now() > deadline) {
        throw new Error("The daemon opened no packet socket");
      }
    }
  }

  [Symbol.dispose](): void {
    this.#prober?.[Symbol.dispose]();
    this.lab[Symbol.dispose]();
  }
}
