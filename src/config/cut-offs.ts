/** The users who can open a door now but could not under a new configuration, and why. Pure. */

import { commonRanges, formatPort, type PortRange, withoutRanges } from "../core/port.ts";
import { formatPortRange } from "../core/port.ts";
import type { KeyTable } from "../rks/key-table.ts";
import { admits } from "./names.ts";
import type { Door, Settings } from "./settings.ts";

/** The doors and keys that a daemon works by. */
export interface Terms {
  readonly settings: Settings;
  readonly keys: KeyTable;
}

export interface Device {
  readonly user: string;
  readonly device: string;
}

/** Some of those who can open a door now but could not any longer. */
export interface CutOff {
  /** The name of the door in the present configuration. */
  readonly door: string;
  /** Empty for a fixed door, whose sequence anybody may know. */
  readonly who: readonly Device[];
  /** Guarded ports that they can no longer reach; empty for a door that only runs commands. */
  readonly ports: readonly PortRange[];
  /** A clause. */
  readonly why: string;
}

const VOID = 'which makes their links void: hand out new ones with "sallyport user show"';

export class CutOffFinder {
  readonly #before: Terms;
  readonly #after: Terms;
  readonly #doorsAfter: ReadonlyMap<string, Door>;
  readonly #guarded: readonly PortRange[];
  readonly #sameKeys: boolean;

  constructor(before: Terms, after: Terms) {
    this.#before = before;
    this.#after = after;
    this.#doorsAfter = new Map(after.settings.doors.map((door) => [door.name, door]));
    this.#guarded = after.settings.doors.flatMap(({ opens }) => opens);
    this.#sameKeys = areSame(before.keys, after.keys);
  }

  /**
   * The users that a door of the present configuration loses, and whether these are all of them.
   */
  find(door: Door): { readonly cutOff: readonly CutOff[]; readonly everybody: boolean } {
    // Mostly a door did not change, and a hundred thousand keys need no look.
    if (this.#isSame(door)) return { cutOff: [], everybody: false };
    return door.fixed === undefined ? this.#ofKeys(door) : this.#ofSequence(door);
  }

  #isSame(door: Door): boolean {
    const next = this.#doorsAfter.get(door.name);
    return (
      next !== undefined &&
      isRotating(door) &&
      isRotating(next) &&
      changes(door, next).length === 0 &&
      door.users.join() === next.users.join() &&
      withoutRanges(door.opens, next.opens).length === 0 &&
      this.#sameKeys
    );
  }

  #ofSequence(door: Door): ReturnType<CutOffFinder["find"]> {
    const same = this.#after.settings.doors.filter((other) => isSameSequence(door, other));
    const ports = this.#lostPorts(door, same, same.length > 0);
    if (ports === undefined) return { cutOff: [], everybody: false };
    const next = this.#doorsAfter.get(door.name);
    const cut = { door: door.name, who: [], ports, why: this.#whySequence(same, next) };
    return { cutOff: [cut], everybody: true };
  }

  #whySequence(same: readonly Door[], next: Door | undefined): string {
    if (same.length > 0) return "its sequence does not open them any more";
    if (next === undefined) return "the door is gone";
    return next.fixed === undefined ? "it will open by keys" : "its sequence has changed";
  }

  #ofKeys(door: Door): ReturnType<CutOffFinder["find"]> {
    const { keys } = this.#before;
    const lossOf = this.#lossFinder(door);
    const cuts = new Map<string, CutOff & { readonly who: Device[] }>();
    let able = 0;
    let lost = 0;
    for (let row = 0; row < keys.length; row++) {
      const { user, device, key } = keys.at(row);
      if (!admits(door.users, user)) continue;
      able++;
      const hasKey = this.#hasKey({ user, device }, key);
      const ports = lossOf(user, hasKey);
      if (ports === undefined) continue;
      lost++;
      const why = this.#whyKeys(door, { user, device }, hasKey);
      const id = `${ports.map(formatPortRange).join()} ${why}`;
      const cut = cuts.get(id);
      if (cut === undefined) cuts.set(id, { door: door.name, who: [{ user, device }], ports, why });
      else cut.who.push({ user, device });
    }
    return { cutOff: [...cuts.values()], everybody: lost > 0 && lost === able };
  }

  /** The ports that a user loses. Most users lose the same, so results are kept. */
  #lossFinder(door: Door): (user: string, hasKey: boolean) => readonly PortRange[] | undefined {
    const found = new Map<string, readonly PortRange[] | undefined>();
    const lasting = this.#before.settings.doors.filter((other) => {
      const next = this.#doorsAfter.get(other.name);
      return (
        next !== undefined &&
        isRotating(other) &&
        isRotating(next) &&
        changes(other, next).length === 0
      );
    });
    return (user, hasKey) => {
      const kept = lasting.filter(
        ({ name, users }) =>
          hasKey && admits(users, user) && admits(this.#doorsAfter.get(name)!.users, user),
      );
      const id = kept.map(({ name }) => name).join(" ");
      if (!found.has(id)) {
        const next = kept.map(({ name }) => this.#doorsAfter.get(name)!);
        found.set(id, this.#lostPorts(door, next, kept.includes(door)));
      }
      return found.get(id);
    };
  }

  /**
   * The parts of a door that its users can no longer reach through the `kept` doors: ports, empty
   * where it only runs commands, undefined where nothing is lost. A port that is no longer guarded
   * is not lost.
   */
  #lostPorts(
    { opens }: Door,
    kept: readonly Door[],
    itself: boolean,
  ): readonly PortRange[] | undefined {
    if (opens.length === 0) return itself ? undefined : [];
    const reached = kept.flatMap((other) => other.opens);
    const ports = withoutRanges(commonRanges(opens, this.#guarded), reached);
    return ports.length === 0 ? undefined : ports;
  }

  #hasKey({ user, device }: Device, key: Uint8Array): boolean {
    const { keys } = this.#after;
    const row = keys.find(user, device);
    return row >= 0 && Buffer.from(key).equals(keys.key(row));
  }

  #whyKeys(door: Door, { user, device }: Device, hasKey: boolean): string {
    const next = this.#doorsAfter.get(door.name);
    if (next === undefined) return this.#whyGone(door);
    if (!isRotating(next)) return `it will open by a fixed sequence, ${VOID}`;
    const changed = changes(door, next);
    if (changed.length > 0) return `${changed.join(", ")}, ${VOID}`;
    if (!admits(next.users, user)) return "its users do not name them any more";
    if (hasKey) return "it does not open them any more, and another door guards them";
    return this.#after.keys.find(user, device) < 0
      ? "their key is gone"
      : `their key has changed, ${VOID}`;
  }

  /** The same ports under a new name mean that the door was renamed. */
  #whyGone({ opens }: Door): string {
    const known = new Set(this.#before.settings.doors.map(({ name }) => name));
    const renamed = this.#after.settings.doors.find(
      (other) => !known.has(other.name) && commonRanges(other.opens, opens).length > 0,
    );
    return renamed === undefined ? "the door is gone" : `its new name is ${renamed.name}, ${VOID}`;
  }
}

/** Also in the same order: a rewritten file mostly keeps it. */
function areSame({ memory: a }: KeyTable, { memory: b }: KeyTable): boolean {
  return (["keys", "names", "ends"] as const).every((column) =>
    Buffer.from(a[column].buffer, a[column].byteOffset, a[column].byteLength).equals(
      Buffer.from(b[column].buffer, b[column].byteOffset, b[column].byteLength),
    ),
  );
}

function isRotating({ fixed }: Door): boolean {
  return fixed === undefined;
}

function isSameSequence({ fixed: a }: Door, { fixed: b }: Door): boolean {
  if (a === undefined || b === undefined) return false;
  return a.knocks.map(formatPort).join() === b.knocks.map(formatPort).join();
}

/**
 * The changed terms of a door from which the ports of a sequence follow; a link holds all of them.
 */
function changes({ space: a }: Door, { space: b }: Door): string[] {
  const terms: [name: string, was: string, is: string][] = [
    ["range", `${a.lo}-${a.hi}`, `${b.lo}-${b.hi}`],
    ["ports", String(a.ports), String(b.ports)],
    ["step", `${a.stepSeconds}s`, `${b.stepSeconds}s`],
    ["proto", a.proto, b.proto],
  ];
  return terms.flatMap(([name, was, is]) => (was === is ? [] : [`${name} ${was} becomes ${is}`]));
}
