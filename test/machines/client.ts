/** Who knocks from outside: devices with their links, the real client, the real ssh. */

import { join } from "node:path";
import { copyFileSync, chmodSync } from "node:fs";
import { knockSender, portsOf } from "../support/knocks.ts";
import type { Network } from "./network.ts";

export type Answer = "open" | "refused" | "silent";

/** The port of the door "ssh". */
export const SSH = 22;

/** Under emulation an answer takes a while; silence takes this long. */
const PATIENCE_S = 5;

const PROBE = `
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=${PATIENCE_S}).close()
    print("open")
except ConnectionRefusedError: print("refused")
except OSError: print("silent")
`;

export class Client {
  readonly #network: Network;
  readonly #executable: string;
  readonly #key: string;

  /** `key` is the private key that root's ssh takes; `folder` is for a copy. */
  constructor(network: Network, executable: string, key: string, folder: string) {
    this.#network = network;
    this.#executable = executable;
    this.#key = join(folder, "key");
    copyFileSync(key, this.#key);
    chmodSync(this.#key, 0o600);
  }

  /** The answer that a connection from outside gets. */
  probe(address: string, port = SSH): Answer {
    return this.#network.run(["python3", "-c", PROBE, address, String(port)]).out.trim() as Answer;
  }

  /** Knocks as people do: the compiled executable, a link on its standard input. Throws where it does not open. */
  knock(link: string): void {
    this.#network.run([this.#executable, "knock", "-"], { input: `${link}\n` });
  }

  /** A fixed sequence by the same, until the port of the door "ssh" answers. */
  knockFixed(address: string, ports: readonly string[]): void {
    this.#network.run([this.#executable, "knock", address, ...ports, "--wait", String(SSH)]);
  }

  /** Sends the ports of a link as they are, some slots from now; they may have been sent before. */
  sendPorts(to: string, ports: readonly number[]): void {
    const { argv, input } = knockSender(ports.map((port) => ({ to, port })));
    this.#network.run(argv, { input });
  }

  /** The ports of a link, `ahead` slots from now. */
  portsOf(link: string, ahead = 0): number[] {
    return portsOf(link, ahead);
  }

  /** `ssh` into the machine as root; answers the command's output. */
  ssh(address: string, command: string): string {
    return this.#network.run([...this.#ssh(address), command]).out.trim();
  }

  /** A session of ssh that stays: each line that it is told comes back. */
  session(address: string) {
    return this.#network.start([...this.#ssh(address), "cat"]);
  }

  #ssh(address: string): string[] {
    const options = [
      "StrictHostKeyChecking=no",
      "UserKnownHostsFile=/dev/null",
      "LogLevel=ERROR",
      "ConnectTimeout=20",
      "BatchMode=yes",
    ];
    return [
      "ssh",
      "-i",
      this.#key,
      ...options.flatMap((option) => ["-o", option]),
      `root@${address}`,
    ];
  }
}
