/** The addresses of this machine: only packets to them are knocks. */

import { type Family, parsePrefix, type Prefix } from "../core/address.ts";
import { LocalRoutes } from "../native/local-routes.ts";
import { PrefixTable } from "./prefix-table.ts";

/** Local even while the loopback interface is down. */
const LOOPBACK: readonly Prefix[] = [parsePrefix("127.0.0.0/8")!, parsePrefix("::1")!];

/**
 * The local addresses of the network namespace in which this was made. They come from the kernel's
 * own table of local routes, the same that the guard asks (`fib daddr type local`). So the
 * addresses that hear knocks and the addresses that are guarded cannot differ. Addresses of
 * interfaces that are down, /32s on `lo`, link-local, temporary and routed ("ip route add local …")
 * ones are in it; multicast and broadcast addresses are not.
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

  /** Whether the address in these words belongs to this machine. */
  has(family: Family, a0: number, a1: number, a2: number, a3: number): boolean {
    return this.#table.has(family, a0, a1, a2, a3);
  }

  /** Reads the addresses anew. Throws OpError when the kernel refuses; the old ones stay. */
  refresh(): void {
    this.#table = new PrefixTable([...LOOPBACK, ...this.#routes.read()]);
  }

  /**
   * Takes the kernel's announcements and refreshes if one of them asks for it. Returns whether it
   * refreshed. Never blocks.
   */
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
