/**
 * Decides which sessions a close by hand ends, and the removal of a key: those that nothing else holds, and
 * no others. What was closed stays so until somebody opens it again.
 */

import {
  type Address,
  formatAddress,
  maskAddress,
  networksOverlap,
  parsePrefix,
} from "../../src/core/address.ts";
import type { DaemonEvent } from "../../src/core/events.ts";
import type { Grant } from "../../src/core/grant.ts";
import type { PortRange } from "../../src/core/port.ts";
import type { Door } from "../../src/config/settings.ts";
import { singlePorts } from "../../src/firewall/element-key.ts";
import type { SimulatedKernel } from "./kernel.ts";
import type { LivingSession } from "./living-sessions.ts";
import type { Admission } from "./permits.ts";
import { isGrantSet, keyText, placesOf } from "./places.ts";
import { Violation } from "./violation.ts";

type Breach = Violation | undefined;

export class SessionWatch {
  readonly #kernel: SimulatedKernel;
  readonly #sessions: ReadonlySet<LivingSession>;
  /** What let each session in. */
  readonly #admissions = new WeakMap<LivingSession, readonly Admission[]>();
  /** The device that opened a door to an address last, as the audit log has it. */
  #openers = new Map<string, string>();

  constructor(kernel: SimulatedKernel, sessions: ReadonlySet<LivingSession>) {
    this.#kernel = kernel;
    this.#sessions = sessions;
  }

  admitted(session: LivingSession, by: readonly Admission[]): void {
    this.#admissions.set(session, by);
  }

  hear(event: DaemonEvent): void {
    if (event.type !== "grant.opened") return;
    const { door, address, user, device } = event.grant;
    this.#openers.set(`${door} ${address}`, `${user}/${device}`);
  }

  /** The audit log may lack what was heard. */
  logFailed(): void {
    this.#openers.clear();
  }

  /**
   * A grant is about to be closed by hand; `others` are all that the ledger holds. Call the result when that
   * is done.
   */
  closing(closed: Grant, others: () => readonly Grant[]): () => Breach {
    const before = [...this.#sessions].filter((session) => isOf(session, closed));
    const spared = before.filter((session) => this.#isOpen(session.address, session.port));
    return () => {
      const left = others();
      const held = ({ address, port }: LivingSession) =>
        left.some((grant) => isOf({ address, port }, grant));
      const cut = spared.find(
        (session) =>
          !this.#sessions.has(session) &&
          held(session) &&
          this.#isOpen(session.address, session.port),
      );
      if (cut !== undefined) return breach("a close spares the sessions of others", cut);
      const alive = before.find((session) => this.#sessions.has(session) && !held(session));
      if (alive !== undefined) return breach("a close ends the sessions of its grant", alive);
      return this.#comingBack(closed, left);
    };
  }

  /** Sessions that only these keys let in must be gone. */
  removed(
    keyIds: readonly string[],
    people: readonly string[],
    doors: readonly Door[],
    grants: readonly Grant[],
  ): Breach {
    for (const session of this.#sessions) {
      const admissions = this.#admissions.get(session) ?? [];
      const isOver = admissions.every(({ keyId, door: name, place, ports }) => {
        const door = doors.find((one) => one.name === name);
        if (door === undefined || !Bun.deepEquals(door.opens, ports)) return false;
        const opener = this.#openers.get(`${name} ${place}`) ?? "";
        const isGone = keyId !== undefined && keyIds.includes(keyId) && people.includes(opener);
        return isGone && !grants.some((grant) => touches(grant, place, door.opens));
      });
      if (admissions.length > 0 && isOver) return breach("a removed key keeps no session", session);
    }
    return undefined;
  }

  /** Ports of a closed grant that nobody else holds refuse its address. */
  #comingBack(closed: Grant, left: readonly Grant[]): Breach {
    const { address } = parsePrefix(closed.address)!;
    for (const port of singlePorts(closed.ports)) {
      const range = { proto: port.proto, from: port.port, to: port.port };
      if (left.some((grant) => touches(grant, closed.address, [range]))) continue;
      const key = keyText(address, port.port);
      if (this.#kernel.find(`revoked${address.family}`, key) !== undefined) continue;
      const what = `${closed.address} may come back to ${port.port}`;
      return new Violation("what was closed stays closed", what);
    }
    return undefined;
  }

  /** Whether an element of the kernel lets the address in. */
  #isOpen(address: Address, port: number): boolean {
    const sources = placesOf(address);
    const sets = this.#kernel.setNames().filter(isGrantSet);
    return sets.some((set) =>
      sources.some((source) => this.#kernel.find(set, keyText(source, port)) !== undefined),
    );
  }
}

function isOf({ address, port }: Pick<LivingSession, "address" | "port">, grant: Grant): boolean {
  const { address: own, bits } = parsePrefix(grant.address)!;
  const isThere = formatAddress(maskAddress(address, bits)) === formatAddress(own);
  return isThere && grant.ports.some(({ from, to }) => from <= port && port <= to);
}

function touches(grant: Grant, place: string, ports: readonly PortRange[]): boolean {
  if (!networksOverlap(parsePrefix(grant.address)!, parsePrefix(place)!)) return false;
  return grant.ports.some((one) =>
    ports.some((other) => one.from <= other.to && other.from <= one.to),
  );
}

function breach(promise: string, { address, port }: LivingSession): Violation {
  return new Violation(promise, `that of ${formatAddress(address)} at port ${port}`);
}
