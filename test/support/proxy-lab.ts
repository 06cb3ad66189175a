/** A guarded sshd, services behind the doors, and a client that reaches them through `sallyport proxy`. */

import { GuardedServer } from "./guarded-server.ts";
import { startOddService } from "./half-closed.ts";
import { Lab } from "./lab.ts";
import { ProxyClient } from "./proxy-client.ts";
import { SshKeys } from "./ssh.ts";

/** Where the service listens that ends its connections in odd ways. */
export const ODD = 7778;

/** How closed ports answer. */
export type Answers = "drop" | "reset";

const doors = (deny: Answers) => `
[guard]
deny = "${deny}"

[door.ssh]
opens = ["22/tcp", "${ODD}/tcp"]
users = ["*"]
open_for = "30s"

[door.web]
opens = ["80/tcp", "443/tcp", "22/tcp", "${ODD}/tcp"]
users = ["*"]
open_for = "30s"

[door.brief]
opens = ["22/tcp"]
users = ["*"]
open_for = "2s"

[door.single]
opens = ["22/tcp"]
users = ["*"]
uses = "one"
`;

export type DoorName = "ssh" | "web" | "brief" | "single";

export class ProxyLab implements AsyncDisposable {
  readonly lab = new Lab();
  readonly keys = new SshKeys();
  readonly server: GuardedServer;
  #users = 0;

  constructor(deny: Answers) {
    this.server = new GuardedServer(this.lab, doors(deny));
  }

  async start(): Promise<this> {
    this.keys.serve(this.lab, "server", ["MaxStartups=200"]);
    this.keys.serve(this.lab, "container");
    await startOddService(this.lab, "server", ODD);
    await this.server.start();
    return this;
  }

  closeDoors(): void {
    const { out } = this.server.command("grants", "--json");
    for (const { door, address } of JSON.parse(out) as { door: string; address: string }[]) {
      this.server.command("close", door, address);
    }
  }

  /** The link of a new user: no slot that a test used is in the way of another test. */
  link(door: DoorName = "ssh", host = "10.77.0.1"): string {
    const user = `u${++this.#users}`;
    const added = this.server.command("user", "add", user, "--host", host);
    if (added.code !== 0) throw new Error(added.err);
    return this.server.link(user, door, host);
  }

  /** A client with all doors closed to it. */
  client(link = this.link()): ProxyClient {
    this.closeDoors();
    return new ProxyClient(this.lab, this.keys, link);
  }

  /** How often knocks of the newest user opened a door, as far as the log has been read. */
  get openings(): number {
    return this.server.log.split(`by u${this.#users}/default, `).length - 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    this.keys[Symbol.dispose]();
    this.lab[Symbol.dispose]();
  }
}
