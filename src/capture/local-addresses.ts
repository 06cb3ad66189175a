/** Which destinations are this machine: only packets to them are knocks. */

import { type Family, parsePrefix, type Prefix } from "../core/address.ts";
import { LocalRoutes } from "../native/local-routes.ts";
import { PrefixTable } from "./prefix-table.ts";

/** Local also while the loopback interface is down. */
const LOOPBACK: readonly Prefix[] = [parsePrefix("127.0.0.0/8")!, parsePrefix("::1")!];

/**
 * The local addresses of the network namespace this was made in. They are the kernel's own table of
 * local routes, the one the guard asks (`fib daddr type local`), so what counts as a knock and what is
 * guarded cannot differ: addresses of interfaces that are down, /32s on `lo`, link-local, temporary
 * and routed ("ip route add local …") ones are in it, multicast and broadcast are not.
 */
export class LocalAddresses implements Disposable {
  /** Becomes readable when addresses change, for poll(2): call `drain` then. */
  readonly fd: number;
  readonly #routes = new LocalRoutes();
  #table = new PrefixTable(LOOPBACK);

  constructor() {
    this.fd = this.#routes.fd;
    this.refresh();
  }

  /** Whether the address of these words is this machine's. */
  has(family: Family, a0: number, a1: number, a2: number, a3: number): boolean {
    return this.#table.has(family, a0, a1, a2, a3);
  }

  /** Reads them anew. Throws OpError when the kernel cannot be asked; the old ones stay. */
  refresh(): void {
    this.#table = new PrefixTable([...LOOPBACK, ...this.#routes.read()]);
  }

  /** Takes what the kernel announced and refreshes if need be; answers whether it did. Never blocks. */
  drain(): boolean {
    const changed = this.#routes.changed();
    if (changed) this.refresh();
    return changed;
  }

  close(): void {
    this.#routes.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
