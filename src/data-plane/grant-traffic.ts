/**
 * Brings the ledger in line with what packets did to grants in the kernel, which tells nobody: one spends a
 * grant for one connection, others renew an idle one, and their pause ends it.
 */

import { parsePrefix } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import { OpError } from "../core/errors.ts";
import type { CloseReason } from "../core/events.ts";
import type { Grant } from "../core/grant.ts";
import type { Firewall } from "../firewall/firewall.ts";
import { Errno } from "../native/errno.ts";
import type { GrantEnds } from "./grant-ends.ts";
import { longestMs, needOf, sameAgain } from "./grant-request.ts";
import type { Ledger, Remaining } from "./ledger.ts";
import { portsOverlap } from "./sharing.ts";

/** When the kernel is asked again what it did not say. */
const AGAIN_MS = 1_000;

export interface GrantTrafficParts {
  readonly firewall: Firewall;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly ends: GrantEnds;
  /** Called when a connection is found to have spent a grant, or another program to have taken it. */
  readonly ended: (grant: Grant, reason: CloseReason) => void;
  /** The firewall refused a change, or did not answer. */
  readonly fault: (error: unknown) => void;
}

export class GrantTraffic {
  readonly #parts: GrantTrafficParts;
  /**
   * Another program took away grants for one connection: one that is gone now may be among them.
   */
  #taken = false;

  constructor(parts: GrantTrafficParts) {
    this.#parts = parts;
  }

  /** Another program took grants for one connection out of the kernel. */
  taken(): void {
    this.#taken = true;
  }

  /**
   * Ends grants for one connection that are gone from the kernel; looks at `most` of them, at others
   * the next time.
   */
  lookAtOnce(most: number): void {
    const { ledger, clock } = this.#parts;
    const all = ledger.onceSize <= most;
    this.lookAt(ledger.once(clock.monotonicMs(), most));
    if (all) this.#taken = false;
  }

  /** Brings the ledger in line with the kernel for those of these grants that packets may have changed. */
  refresh(grants: readonly Grant[]): void {
    const { ledger, clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    for (const { id, kind, address } of grants) {
      if (kind !== "once" && kind !== "idle") continue;
      this.lookAt(ledger.at(address, nowMs).filter(({ grant }) => grant.id === id));
    }
  }

  /**
   * The remaining life of an idle grant in the kernel, in whole milliseconds: traffic gives it no more
   * than its own cap allows. Where the kernel does not say, it is asked again a moment later.
   */
  renewedMs(grant: Grant): number {
    return this.#mostOf(grant, this.#renewedMs(grant) ?? AGAIN_MS);
  }

  #renewedMs({ address, ports, kind, idleMs = 0 }: Grant): number | undefined {
    const prefix = parsePrefix(address)!;
    const lives = this.#asked((firewall) =>
      firewall.livesMs(prefix.address, ports, { kind, idleMs }),
    );
    return lives && Math.max(0, ...lives);
  }

  /** So much of this life as the cap of the grant allows. */
  #mostOf({ id, address }: Grant, lifeMs: number): number {
    const { ledger, clock } = this.#parts;
    const own = ledger.at(address, clock.monotonicMs()).find(({ grant }) => grant.id === id);
    return own === undefined ? 0 : Math.floor(Math.min(lifeMs, longestMs(own)));
  }

  /** Ends those of these grants that are gone from the kernel, and moves the ends of idle ones as traffic did. */
  lookAt(some: readonly Remaining[]): void {
    const { ledger } = this.#parts;
    for (const remaining of some) {
      const { grant, lifeMs } = remaining;
      // A look at another grant may have ended this one.
      if (lifeMs <= 0 || ledger.get(grant.id) === undefined) continue;
      const { address, kind, ports } = grant;
      if (kind === "idle") this.#lookAtIdle(remaining);
      if (kind !== "once" || ports.length === 0) continue;
      const { address: from } = parsePrefix(address)!;
      const lives = this.#asked((firewall) => firewall.livesMs(from, ports, { kind }));
      if (lives?.some((leftMs) => leftMs <= 0) === true) this.#spent(grant);
    }
  }

  #lookAtIdle(remaining: Remaining): void {
    const { ledger, clock, ends } = this.#parts;
    const { grant } = remaining;
    const renewedMs = this.#renewedMs(grant);
    if (renewedMs === undefined) return;
    const leftMs = this.#mostOf(grant, renewedMs);
    if (leftMs > 0) ledger.setLife(grant.id, leftMs, clock.monotonicMs());
    else if (this.#asked((firewall) => hasPaused(firewall, remaining)) === true) ends.over(grant);
  }

  /** What the kernel says; undefined where it does not: an element whose answer is lost may well be there. */
  #asked<T>(ask: (firewall: Firewall) => T): T | undefined {
    try {
      return ask(this.#parts.firewall);
    } catch (error) {
      if (!(error instanceof OpError)) throw error;
      this.#parts.fault(error);
      return undefined;
    }
  }

  /** A connection spent an element that several share: the first holder loses the grant, the others keep theirs. */
  #spent({ address, ports }: Grant): void {
    const { firewall, ledger, clock, ends } = this.#parts;
    const sharing = ledger.at(address, clock.monotonicMs()).filter(({ grant, lifeMs }) => {
      return grant.kind === "once" && lifeMs > 0 && portsOverlap(grant.ports, ports);
    });
    const [first, ...others] = sharing;
    if (first === undefined) return;
    try {
      ends.withdraw(first.grant, "keep");
      for (const other of others) {
        const beside = others.filter((one) => one !== other).map(needOf);
        firewall.open({ ...sameAgain(other), beside });
      }
    } catch (error) {
      // The whole table is gone and about to return: its repair finds the missing elements. Whatever else it was, the
      // next look finds the element missing again, and must not take the next holder for the one who spent it.
      if (!(error instanceof OpError && error.code === Errno.ENOENT)) this.#parts.fault(error);
      return;
    }
    this.#parts.ended(first.grant, this.#taken ? "lost" : "used");
  }
}

/**
 * Whether an idle grant that is gone from the kernel ended by itself: each port's cap is still
 * alive, or is over. Otherwise another program took both.
 */
export function hasPaused(
  firewall: Pick<Firewall, "capsMs" | "livesMs">,
  { grant, capMs }: Remaining,
): boolean {
  const { address } = parsePrefix(grant.address)!;
  const { ports, idleMs = 0 } = grant;
  // Each port rests by itself: the grant lives as long as somebody talks through one of them.
  if (firewall.livesMs(address, ports, grant).some((leftMs) => leftMs > 0)) return false;
  return capMs <= 0 || firewall.capsMs(address, ports, idleMs).every((leftMs) => leftMs > 0);
}
