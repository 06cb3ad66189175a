/** Counts what is told of used knocks that came again: each is told once, however many packets carry it. */

import { type Address, formatAddress } from "../../src/core/address.ts";
import { Violation } from "./violation.ts";
import type { DaemonEvent } from "../../src/core/events.ts";

export interface Named {
  readonly door: string;
  readonly user: string;
  readonly device: string;
}

export class Alarms {
  readonly #broken: (violation: Violation) => void;
  /** How often a device's knocks at a door came from an address, and how often that was told as a repeat. */
  readonly #sent = new Map<string, number>();
  readonly #repeated = new Map<string, number>();
  /** The uses whose repeat from another address was told in this life. */
  readonly #reused = new Set<string>();

  constructor(broken: (violation: Violation) => void) {
    this.#broken = broken;
  }

  /** A knock is on its way, the first time or again. */
  sent(named: Named, from: Address): void {
    count(this.#sent, placeOf(named, formatAddress(from)));
  }

  /** A new process does not know what the one before it told. */
  newLife(): void {
    this.#reused.clear();
  }

  hear(event: DaemonEvent): void {
    if (event.type === "knock.repeated") {
      const place = placeOf(event, event.address);
      const told = count(this.#repeated, place);
      if (told <= (this.#sent.get(place) ?? 0)) return;
      this.#broken(new Violation("a repeat is told once", `${place}, told ${told} times`));
    } else if (event.type === "knock.reused") {
      const place = placeOf(event, `${event.firstAddress} at ${event.firstMs}`);
      if (this.#reused.has(place)) {
        this.#broken(new Violation("an alarm is told once", place));
      }
      this.#reused.add(place);
    }
  }
}

function placeOf({ door, user, device }: Named, address: string): string {
  return `${door} ${user}/${device} ${address}`;
}

function count(counts: Map<string, number>, place: string): number {
  const now = (counts.get(place) ?? 0) + 1;
  counts.set(place, now);
  return now;
}
