/** Two network namespaces joined by a cable, for the demo: a server and a visitor. */

import { ExitCode, SallyportError } from "../../core/errors.ts";

export const SERVER_ADDRESS = "10.99.0.1";
export const VISITOR_ADDRESS = "10.99.0.2";

export type Side = "server" | "visitor";

function ip(...argv: string[]): void {
  const done = Bun.spawnSync(["ip", ...argv], { stdout: "ignore", stderr: "pipe" });
  if (done.exitCode === 0) return;
  throw new SallyportError(
    `Cannot make the demo's network: ip ${argv.join(" ")}: ${done.stderr.toString().trim()}: ` +
      "run the demo as root on a kernel with network namespaces and veth",
  );
}

export class DemoNetwork implements Disposable {
  readonly #made: Side[] = [];

  constructor() {
    if (Bun.which("ip") === null) {
      throw new SallyportError(
        'Cannot make the demo\'s network: there is no "ip": install iproute2',
      );
    }
    if (process.getuid?.() !== 0) {
      throw new SallyportError(
        "Cannot make the demo's network: namespaces need root: run sudo sallyport demo",
        ExitCode.privilege,
      );
    }
    try {
      for (const side of ["server", "visitor"] as const) {
        ip("netns", "add", this.#name(side));
        this.#made.push(side);
        ip("-n", this.#name(side), "link", "set", "lo", "up");
      }
      const [server, visitor] = [this.#name("server"), this.#name("visitor")];
      ip("-n", server, "link", "add", "eth0", "type", "veth", "peer", "eth0", "netns", visitor);
      ip("-n", server, "address", "add", `${SERVER_ADDRESS}/24`, "dev", "eth0");
      ip("-n", visitor, "address", "add", `${VISITOR_ADDRESS}/24`, "dev", "eth0");
      ip("-n", server, "link", "set", "eth0", "up");
      ip("-n", visitor, "link", "set", "eth0", "up");
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** The words to put in front of a command that runs on that side. */
  inside(side: Side): string[] {
    return ["ip", "netns", "exec", this.#name(side)];
  }

  /** The table in the server's namespace disappears with the namespace. */
  [Symbol.dispose](): void {
    for (const side of this.#made.splice(0)) {
      Bun.spawnSync(["ip", "netns", "delete", this.#name(side)], { stderr: "ignore" });
    }
  }

  #name(side: Side): string {
    return `sallyport-demo-${process.pid}-${side}`;
  }
}
