/**
 * The knocks that opened a door, with source and time. Kept longer than a matcher needs them, and
 * only to explain.
 */

import { type Address, parseAddress, sameAddress } from "../../core/address.ts";
import type { DaemonEvent } from "../../core/events.ts";
import type { KnownUse, RotatingSubject } from "../../match/subject.ts";

/** As many as the memory of sources can hold tries; the oldest goes first. */
const MOST = 8_192;

type Named = Pick<KnownUse, "door" | "user" | "device" | "stepSeconds" | "slot">;

function nameOf({ door, user, device, stepSeconds, slot }: Named): string {
  return [door, user, device, stepSeconds, slot].join("\0");
}

export class UsedKnocks {
  readonly #uses = new Map<string, KnownUse>();

  hear(event: DaemonEvent): void {
    if (event.type !== "grant.opened" || event.used === undefined) return;
    const { grant, used, atMs } = event;
    const source = parseAddress(event.source);
    if (grant.user === undefined || grant.device === undefined || source === undefined) return;
    const { door, user, device } = grant;
    const use = { door, user, device, ...used, source, timeMs: atMs };
    this.#uses.set(nameOf(use), use);
    if (this.#uses.size > MOST) this.#uses.delete(this.#uses.keys().next().value!);
  }

  /** The use of a slot by a device at a door, by any terms; undefined where it opened nothing. */
  find({ door, user, device, space }: RotatingSubject, slot: number): KnownUse | undefined {
    return this.#uses.get(nameOf({ door, user, device, stepSeconds: space.stepSeconds, slot }));
  }

  /** The uses from an address. */
  from(source: Address): KnownUse[] {
    const uses: KnownUse[] = [];
    for (const use of this.#uses.values()) {
      if (use.source !== undefined && sameAddress(use.source, source)) uses.push(use);
    }
    return uses;
  }
}
