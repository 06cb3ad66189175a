/**
 * The guard on probation: until somebody proves that a knock and a new connection work, the kernel
 * itself stops guarding when the time is over, with or without a daemon.
 */

import { formatAddress, maskAddress, parsePrefix, sameAddress } from "../../core/address.ts";
import type { DaemonEvent } from "../../core/events.ts";
import type { Session } from "../../firewall/sessions.ts";

function sessionKey({ local, localPort, peer, peerPort }: Session): string {
  return `${formatAddress(peer)} ${peerPort} ${formatAddress(local)} ${localPort}`;
}

/** Times are monotonic milliseconds. */
export class Probation {
  readonly endsMs: number;
  readonly #before: ReadonlySet<string>;
  readonly #knockers = new Set<string>();

  /** `sessions` are alive already: they prove nothing. */
  constructor(endsMs: number, sessions: readonly Session[]) {
    this.endsMs = endsMs;
    this.#before = new Set(sessions.map(sessionKey));
  }

  /** Notes the address of every opening by a knock; `sallyport open` is no proof that knocks are heard. */
  hear(event: DaemonEvent): void {
    if (event.type === "grant.opened" && event.grant.via !== "hand") {
      this.#knockers.add(event.grant.address);
    }
  }

  /** The missing proof as a clause; undefined when a new session of a knocker is alive. */
  missing(sessions: readonly Session[]): string | undefined {
    if (this.#knockers.size === 0) return "no door was opened by a knock since it began";
    const knockers = [...this.#knockers].map((text) => parsePrefix(text)!);
    const proof = sessions
      .filter((session) => !this.#before.has(sessionKey(session)))
      .some(({ peer }) =>
        knockers.some(({ address, bits }) => sameAddress(maskAddress(peer, bits), address)),
      );
    return proof ? undefined : "no new connection from an address that knocked is alive";
  }
}
