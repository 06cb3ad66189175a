/**
 * The knocks that opened a door, with source and time. Kept longer than a matcher needs them, and
 * only to explain.
 */

import { type Address, formatAddress, parseAddress } from "../../core/address.ts";
import type { DaemonEvent } from "../../core/events.ts";
import type { KnownUse, RotatingSubject } from "../../match/subject.ts";

/** As many as the memory of sources can hold tries; the oldest goes first. */
const MOST = 8_192;

type Named = Pick<KnownUse, "door" | "user" | "device" | "stepSeconds" | "slot">;

function nameOf({ door, user, device, stepSeconds, slot }: Named): string {
  return [door, user, device, stepSeconds, slot].join("\0");
}

/** The inverse of `nameOf`. */
function useOf(name: string, { source, timeMs }: Opened): KnownUse {
  const [door, user, device, stepSeconds, slot] = name.split("\0") as Parts;
  return {
    door,
    user,
    device,
    stepSeconds: Number(stepSeconds),
    slot: Number(slot),
    source: parseAddress(source)!,
    timeMs,
  };
}

type Parts = [door: string, user: string, device: string, stepSeconds: string, slot: string];

/** What is kept of a use beside its name: a busy server keeps thousands of them. */
interface Opened {
  readonly source: string;
  readonly timeMs: number;
}

export class UsedKnocks {
  readonly #uses = new Map<string, Opened>();

  hear(event: DaemonEvent): void {
    if (event.type !== "grant.opened" || event.used === undefined) return;
    const { grant, used, atMs, source } = event;
    const { door, user, device } = grant;
    if (user === undefined || device === undefined || parseAddress(source) === undefined) return;
    this.#uses.set(nameOf({ door, user, device, ...used }), { source, timeMs: atMs });
    if (this.#uses.size > MOST) this.#uses.delete(this.#uses.keys().next().value!);
  }

  /** The use of a slot by a device at a door, by any terms; undefined where it opened nothing. */
  find({ door, user, device, space }: RotatingSubject, slot: number): KnownUse | undefined {
    const name = nameOf({ door, user, device, stepSeconds: space.stepSeconds, slot });
    const opened = this.#uses.get(name);
    return opened === undefined ? undefined : useOf(name, opened);
  }

  /** The uses from an address. */
  from(address: Address): KnownUse[] {
    const source = formatAddress(address);
    const uses: KnownUse[] = [];
    for (const [name, opened] of this.#uses) {
      if (opened.source === source) uses.push(useOf(name, opened));
    }
    return uses;
  }
}
