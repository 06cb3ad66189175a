/** The reasons for doors to be open, and how long each may last. */

import { type Address, formatAddress, formatPrefix, maskAddress } from "../../src/core/address.ts";
import { grantId, type Holder } from "../../src/core/grant.ts";
import type { Door } from "../../src/config/settings.ts";
import type { Agenda } from "./agenda.ts";

/** Ends are measured by several clocks in whole milliseconds, and no life is shorter than 100 ms. */
const NEARLY_MS = 300;

/** A reason for a door to be open to an address. */
interface Permit {
  readonly id: string;
  readonly door: string;
  readonly address: string;
  /** The same, as a grant names it. */
  readonly place: string;
  readonly ports: Door["opens"];
  readonly isOnce: boolean;
  /** No element may end after this, in monotonic milliseconds. */
  readonly endMs: number;
  /** An idle element without traffic ends by this time. */
  readonly quietEndMs: number;
  /** Undefined without a key. */
  readonly keyId: string | undefined;
}

/** What lets a connection in. */
export interface Admission {
  readonly door: string;
  /** The text of the address, or /64, that the grant is for. */
  readonly place: string;
  readonly ports: Door["opens"];
  readonly keyId: string | undefined;
}

export class Permits {
  readonly #agenda: Agenda;
  #permits: Permit[] = [];
  /**
   * The latest end that idle elements had by right, by their set and address: a repair cannot know at which ports
   * nobody talked, and whoever remains of several holders has no longer life.
   */
  readonly #renewed = new Map<string, number>();

  constructor(agenda: Agenda) {
    this.#agenda = agenda;
  }

  /** The holder may open the door from now on. */
  add(door: Door, source: Address, holder: Holder, keyId?: string): void {
    const nowMs = this.#agenda.monotonicMs();
    const wide = source.family === 6 && door.prefix6 === 64;
    const masked = wide ? maskAddress(source, 64) : source;
    const named = wide ? formatPrefix({ address: masked, bits: 64 }) : formatAddress(source);
    const { idleCloseMs, maxOpenMs = 0 } = door;
    const capEndMs = idleCloseMs === undefined ? 0 : nowMs + maxOpenMs - idleCloseMs;
    const endMs = Math.max(nowMs + door.openForMs, capEndMs + (idleCloseMs ?? 0));
    this.#permits = this.#permits.filter((permit) => isWithin(permit, nowMs));
    this.#permits.push({
      id: grantId(door.name, named, holder),
      door: door.name,
      address: formatAddress(masked),
      place: named,
      ports: door.opens,
      isOnce: door.uses === "one" && holder.via !== "hand",
      endMs,
      quietEndMs: nowMs + door.openForMs,
      keyId,
    });
  }

  addByHand(door: Door, address: Address, forMs: number): void {
    const plain = { ...door, openForMs: forMs, uses: "many" as const };
    const { idleCloseMs: _, maxOpenMs: __, ...rest } = plain;
    this.add(rest, address, { via: "hand" });
  }

  /** Nothing that was opened by this key may stay open. */
  revoke(keyId: string): void {
    this.#permits = this.#permits.filter((permit) => permit.keyId !== keyId);
  }

  /** A grant was closed by hand. */
  forget(id: string): void {
    this.#permits = this.#permits.filter((permit) => permit.id !== id);
  }

  /** A connection spent a grant for one: the first of those that share it is over. */
  spentOnce(address: string, port: number): void {
    const first = this.#permits.findIndex(
      (permit) => permit.isOnce && permit.address === address && opens(permit, port),
    );
    if (first >= 0) this.#permits.splice(first, 1);
  }

  /** Traffic at an idle element: it lives until then. */
  renewed(set: string, address: string, endMs: number): void {
    const place = `${set} ${address}`;
    this.#renewed.set(place, Math.max(endMs, this.#renewed.get(place) ?? 0));
  }

  /** Whether the port may be open to the address now. */
  may(address: string, port: number, endMs = this.#agenda.monotonicMs()): boolean {
    return this.#permits.some(
      (permit) => permit.address === address && opens(permit, port) && isWithin(permit, endMs),
    );
  }

  /** Every reason for a connection from this address, or /64, to be let in now. */
  admissions(address: string, port: number): readonly Admission[] {
    const nowMs = this.#agenda.monotonicMs();
    return this.#permits.filter(
      (permit) => permit.address === address && opens(permit, port) && isWithin(permit, nowMs),
    );
  }

  /** Whether a grant of this name may be told to end then. */
  mayTell(id: string, endMs: number): boolean {
    return this.#permits.some((permit) => permit.id === id && isWithin(permit, endMs));
  }

  /** Whether the element lives no longer than its openings or its traffic gave it. */
  mayRest(set: string, address: string, port: number, endMs: number): boolean {
    const quietEndMs = this.#permits
      .filter((permit) => permit.address === address && opens(permit, port))
      .map((permit) => permit.quietEndMs);
    const latestMs = Math.max(this.#renewed.get(`${set} ${address}`) ?? 0, ...quietEndMs);
    if (endMs > latestMs + NEARLY_MS) return false;
    this.renewed(set, address, Math.min(endMs, latestMs));
    return true;
  }
}

function opens({ ports }: Permit, port: number): boolean {
  return ports.some(({ from, to }) => from <= port && port <= to);
}

function isWithin({ endMs }: Permit, atMs: number): boolean {
  return atMs <= endMs + NEARLY_MS;
}
