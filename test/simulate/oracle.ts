/**
 * Decides what may and what must be open, by slow rules of its own: it sees the packets that arrive,
 * the deeds of people and each transaction of the kernel, and nothing of the program's memory.
 */

import { type Address, formatAddress, formatPrefix, maskAddress } from "../../src/core/address.ts";
import { type Grant, grantId, type Holder } from "../../src/core/grant.ts";
import { knockSource, type Knock } from "../../src/core/knock.ts";
import { type Port, PROTO_NUMBER } from "../../src/core/port.ts";
import type { Door } from "../../src/config/settings.ts";
import { readKey } from "../../src/firewall/element-key.ts";
import { sequencePorts } from "../../src/rks/sequence.ts";
import { slotAt } from "../../src/rks/slot.ts";
import { spaceKey } from "../../src/rks/space.ts";
import { useId } from "../../src/rks/use-id.ts";
import type { Agenda } from "./agenda.ts";
import type { Committed, SimulatedKernel } from "./kernel.ts";
import type { Issued } from "./key-ring.ts";
import { Violation } from "./violation.ts";

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

interface Sequence {
  readonly door: string;
  readonly keyId: string;
  readonly slot: number;
  readonly stepSeconds: number;
  readonly skew: number;
}

interface Heard {
  readonly proto: number;
  readonly port: number;
  readonly timeMs: number;
}

export class Oracle {
  readonly #agenda: Agenda;
  /** A closing sequence may have come from this address. */
  closes: (from: Address) => void = () => {};
  /** Not thrown: the program would take it for a fault of the kernel. */
  readonly #broken: (violation: Violation) => void;
  readonly #heard = new Map<string, Heard[]>();
  readonly #ports = new Map<string, Uint16Array>();
  /** Complete sequences by the name of their use. */
  readonly #sequences = new Map<string, Sequence>();
  readonly #spent = new Set<string>();
  /** Those of them that the disk may not have. */
  readonly #unkept = new Set<string>();
  /** Those that the disk has, whatever happens next. */
  readonly #kept = new Set<string>();
  /** Those that may have been lost before the disk had them. */
  readonly #lost = new Set<string>();
  readonly #lastUsed = new Map<string, number>();
  /** Slots up to this one must not open again. */
  readonly #refused = new Map<string, number>();
  #permits: Permit[] = [];
  /**
   * The latest end that idle elements had by right, by their set and address: a repair cannot know at which ports
   * nobody talked, and whoever remains of several holders has no longer life.
   */
  readonly #renewed = new Map<string, number>();
  /** When uses were lost, by the wall clock as it is now. */
  #lostMs = -Infinity;

  constructor(agenda: Agenda, kernel: SimulatedKernel, broken: (violation: Violation) => void) {
    this.#agenda = agenda;
    this.#broken = broken;
    kernel.committed = (done) => this.#committed(done);
  }

  /** A packet reaches a matcher that works by these doors and at most these keys. */
  hear(knock: Knock, doors: readonly Door[], keys: readonly Issued[]): void {
    const source = knockSource(knock);
    const text = formatAddress(source);
    const { proto, port, timeMs } = knock;
    const heard = (this.#heard.get(text) ?? []).filter(
      (one) => Math.abs(timeMs - one.timeMs) < 60_000,
    );
    heard.push({ proto, port, timeMs });
    this.#heard.set(text, heard);
    for (const door of doors) {
      if (door.fixed !== undefined) this.#hearFixed(door, source, heard, timeMs);
      if (door.users.length > 0) this.#hearRotating(door, source, heard, knock, keys);
    }
  }

  /** Packets of an address in the last `ms` of its own. */
  heardLately(address: Address, wallMs: number, ms: number): number {
    const heard = this.#heard.get(formatAddress(address)) ?? [];
    return heard.filter(({ timeMs }) => Math.abs(wallMs - timeMs) <= ms).length;
  }

  /** The last slot of the key that opened the door. */
  lastUsed(door: string, keyId: string, stepSeconds: number): number {
    return this.#lastUsed.get(`${door} ${keyId} ${stepSeconds}`) ?? -1;
  }

  /** Nothing that was opened by this key may stay open. */
  revoke(keyId: string): void {
    this.#permits = this.#permits.filter((permit) => permit.keyId !== keyId);
  }

  /** A daemon has had the time to write down every use. */
  keep(): void {
    for (const use of this.#unkept) {
      if (this.#lost.has(use)) continue;
      this.#unkept.delete(use);
      this.#kept.add(use);
    }
  }

  /**
   * What the disk did not have is gone, or only the kernel has it, which knows no slots: it must not count
   * again, but refuses no earlier slots.
   */
  lose(): void {
    for (const use of this.#unkept) this.#lost.add(use);
    this.#lostMs = this.#agenda.wallMs();
    this.#refuseAgain();
  }

  clockWasSet(): void {
    this.#lostMs = this.#agenda.wallMs();
  }

  /** The uses until now may count again, except for those that the disk has. */
  forgive(): void {
    for (const use of this.#unkept) this.#spent.delete(use);
    this.#unkept.clear();
    this.#refuseAgain();
  }

  permitHand(door: Door, address: Address, forMs: number): void {
    const plain = { ...door, openForMs: forMs, uses: "many" as const };
    const { idleCloseMs: _, maxOpenMs: __, ...rest } = plain;
    this.#permit(rest, address, { via: "hand" });
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

  /** Every element of the kernel has a reason. */
  check(kernel: SimulatedKernel): void {
    for (const name of kernel.setNames()) {
      if (!isGrantSet(name)) continue;
      for (const { key, endMs } of kernel.living(name) ?? []) this.#checkElement(name, key, endMs);
    }
  }

  /** No grant is told to live longer than its reasons. */
  checkTold(grants: Iterable<Pick<Grant, "id" | "door" | "address" | "expiresMs">>): void {
    for (const { id, door, address, expiresMs } of grants) {
      const endMs = this.#agenda.monotonicMs() + expiresMs - this.#agenda.wallMs();
      if (this.#permits.some((permit) => permit.id === id && isWithin(permit, endMs))) continue;
      const what = `that of ${door} for ${address}`;
      this.#broken(new Violation("no grant is told longer than its door allows", what));
    }
  }

  #hearRotating(
    door: Door,
    source: Address,
    heard: readonly Heard[],
    knock: Knock,
    keys: readonly Issued[],
  ): void {
    const { space } = door;
    const own = slotAt(knock.timeMs, space.stepSeconds);
    const from = Math.max(0, own - space.skew);
    const windowMs = space.windowSeconds * 1_000 + 1;
    const recent = new Set(
      heard.flatMap(({ port, timeMs }) =>
        Math.abs(knock.timeMs - timeMs) <= windowMs ? port : [],
      ),
    );
    for (const { user, device, key, id: keyId } of keys) {
      if (!door.users.includes(user) && !door.users.includes("*")) continue;
      const last = this.#refused.get(`${door.name} ${keyId} ${space.stepSeconds}`) ?? -1;
      for (let slot = Math.max(from, last + 1); slot <= own + space.skew; slot++) {
        const ports = this.#portsOf(door, keyId, key, slot);
        if (!ports.includes(knock.port) || ports.some((port) => !recent.has(port))) continue;
        const use = useId(key, door.name, slot).toHex();
        const { stepSeconds, skew } = space;
        this.#sequences.set(use, { door: door.name, keyId, slot, stepSeconds, skew });
        this.#permit(door, source, { via: "rotating", user, device }, keyId);
      }
    }
  }

  #portsOf(door: Door, keyId: string, key: Uint8Array, slot: number): Uint16Array {
    const name = `${door.name} ${keyId} ${slot} ${spaceKey(door.space)}`;
    let ports = this.#ports.get(name);
    if (ports === undefined) {
      if (this.#ports.size > 10_000) this.#ports.clear();
      this.#ports.set(name, (ports = sequencePorts(key, door.name, door.space, slot)));
    }
    return ports;
  }

  #hearFixed(door: Door, source: Address, heard: readonly Heard[], nowMs: number): void {
    if (isComplete(door.fixed!, heard, nowMs)) this.#permit(door, source, { via: "fixed" });
    if (door.closing !== undefined && isComplete(door.closing, heard, nowMs)) this.closes(source);
  }

  #permit(door: Door, source: Address, holder: Holder, keyId?: string): void {
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

  #committed({ changes }: Committed): void {
    const nowMs = this.#agenda.monotonicMs();
    for (const { set, key, add } of changes) {
      if (add === undefined) continue;
      if (set === "uses" && add.exclusive) this.#spend(key.toHex());
      if (isGrantSet(set) && !this.#isUndone(changes, set, key)) {
        this.#checkElement(set, key, nowMs + add.ms);
      }
    }
  }

  /** An element that is added and deleted in one transaction never shows. */
  #isUndone(changes: Committed["changes"], set: string, key: Uint8Array): boolean {
    const own = changes.filter((one) => one.set === set && one.key.toHex() === key.toHex());
    return own.at(-1)?.add === undefined;
  }

  #spend(use: string): void {
    const sequence = this.#sequences.get(use);
    if (sequence === undefined) {
      this.#broken(new Violation("no grant without a right knock", "a use that nobody knocked"));
      return;
    }
    const { door, keyId, slot, stepSeconds } = sequence;
    const name = `${door} ${keyId} ${stepSeconds}`;
    if (this.#spent.has(use) && !this.#mayComeAgain(use, sequence)) {
      const what = `slot ${slot} of ${keyId} at ${door}`;
      this.#broken(new Violation("no use counts twice", what));
    }
    this.#spent.add(use);
    if (!this.#kept.has(use)) this.#unkept.add(use);
    this.#lost.delete(use);
    this.#lastUsed.set(name, Math.max(slot, this.#lastUsed.get(name) ?? -1));
    this.#refuse(sequence);
  }

  /** Whether the element lives no longer than its openings or its traffic gave it. */
  #mayRest(set: string, address: string, port: number, endMs: number): boolean {
    const quietEndMs = this.#permits
      .filter((permit) => permit.address === address && opens(permit, port))
      .map((permit) => permit.quietEndMs);
    const latestMs = Math.max(this.#renewed.get(`${set} ${address}`) ?? 0, ...quietEndMs);
    if (endMs > latestMs + NEARLY_MS) return false;
    this.renewed(set, address, Math.min(endMs, latestMs));
    return true;
  }

  /** Nobody remembers a lost use: once the clock goes back beyond the wait, its slot comes again. */
  #mayComeAgain(use: string, { slot, stepSeconds, skew }: Sequence): boolean {
    return this.#lost.has(use) && slot > slotAt(this.#lostMs, stepSeconds) + skew;
  }

  #refuseAgain(): void {
    this.#refused.clear();
    for (const use of this.#spent) {
      if (!this.#lost.has(use)) this.#refuse(this.#sequences.get(use)!);
    }
  }

  #refuse({ door, keyId, slot, stepSeconds }: Sequence): void {
    const name = `${door} ${keyId} ${stepSeconds}`;
    this.#refused.set(name, Math.max(slot, this.#refused.get(name) ?? -1));
  }

  #checkElement(set: string, key: Uint8Array, endMs: number): void {
    const found = readKey(new DataView(key.buffer, key.byteOffset), 0, key.length);
    if (found === undefined) return;
    const address = formatAddress(found.address);
    const { port } = found.port;
    const leftMs = Math.round(endMs - this.#agenda.monotonicMs());
    const what = `${describe(address, found.port)} in ${set} for ${leftMs} ms`;
    if (!this.may(address, port, endMs)) {
      this.#broken(new Violation("no door is open without a living grant", what));
    } else if (set.startsWith("idle") && !this.#mayRest(set, address, port, endMs)) {
      this.#broken(new Violation("an idle grant ends in a pause", what));
    }
  }
}

/** Whether the knocks came in this order, whatever came between them. */
function isComplete(
  { knocks, timeoutMs }: NonNullable<Door["fixed"]>,
  heard: readonly Heard[],
  nowMs: number,
): boolean {
  let next = 0;
  for (const { proto, port, timeMs } of heard) {
    if (Math.abs(nowMs - timeMs) > timeoutMs) continue;
    const wanted = knocks[next];
    if (wanted !== undefined && port === wanted.port && proto === PROTO_NUMBER[wanted.proto])
      next++;
  }
  return next >= knocks.length;
}

function describe(address: string, { proto, port }: Port): string {
  return `${proto} ${port} to ${address}`;
}

/** Sets whose elements open a door. */
export function isGrantSet(name: string): boolean {
  return /^(?:grants|fixed|one|idle)[46]/.test(name);
}

function opens({ ports }: Permit, port: number): boolean {
  return ports.some(({ from, to }) => from <= port && port <= to);
}

function isWithin({ endMs }: Permit, atMs: number): boolean {
  return atMs <= endMs + NEARLY_MS;
}
