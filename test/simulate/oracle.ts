/**
 * Decides what may and what must be open, by slow rules of its own: it sees the packets that arrive,
 * the deeds of people and each transaction of the kernel, and nothing of the program's memory.
 */

import { type Address, formatAddress } from "../../src/core/address.ts";
import type { Grant } from "../../src/core/grant.ts";
import { knockSource, type Knock } from "../../src/core/knock.ts";
import type { Port } from "../../src/core/port.ts";
import type { Door } from "../../src/config/settings.ts";
import { readKey } from "../../src/firewall/element-key.ts";
import { sequencePorts } from "../../src/rks/sequence.ts";
import { slotAt } from "../../src/rks/slot.ts";
import { spaceKey } from "../../src/rks/space.ts";
import { useId } from "../../src/rks/use-id.ts";
import type { Agenda } from "./agenda.ts";
import { type Heard, HeardKnocks, isComplete } from "./heard-knocks.ts";
import type { Committed, SimulatedKernel } from "./kernel.ts";
import type { Issued } from "./key-ring.ts";
import { Permits } from "./permits.ts";
import { isGrantSet } from "./places.ts";
import { SpentUses } from "./spent-uses.ts";
import { Violation } from "./violation.ts";

export class Oracle {
  readonly #agenda: Agenda;
  readonly heard = new HeardKnocks();
  readonly uses: SpentUses;
  readonly permits: Permits;
  /** A closing sequence may have come from this address. */
  closes: (from: Address) => void = () => {};
  /** Not thrown: the program would take it for a fault of the kernel. */
  readonly #broken: (violation: Violation) => void;
  readonly #ports = new Map<string, Uint16Array>();

  constructor(agenda: Agenda, kernel: SimulatedKernel, broken: (violation: Violation) => void) {
    this.#agenda = agenda;
    this.#broken = broken;
    this.uses = new SpentUses(agenda, broken);
    this.permits = new Permits(agenda);
    kernel.committed = (done) => this.#committed(done);
  }

  /** A packet reaches a matcher that works by these doors and at most these keys. */
  hear(knock: Knock, doors: readonly Door[], keys: readonly Issued[]): void {
    const source = knockSource(knock);
    const heard = this.heard.add(knock);
    for (const door of doors) {
      if (door.fixed !== undefined) this.#hearFixed(door, source, heard, knock.timeMs);
      if (door.users.length > 0) this.#hearRotating(door, source, heard, knock, keys);
    }
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
      if (this.permits.mayTell(id, endMs)) continue;
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
      const last = this.uses.lastRefused(door.name, keyId, space.stepSeconds);
      for (let slot = Math.max(from, last + 1); slot <= own + space.skew; slot++) {
        const ports = this.#portsOf(door, keyId, key, slot);
        if (!ports.includes(knock.port) || ports.some((port) => !recent.has(port))) continue;
        const use = useId(key, door.name, slot).toHex();
        const { stepSeconds, skew } = space;
        this.uses.complete(use, { door: door.name, keyId, slot, stepSeconds, skew });
        this.permits.add(door, source, { via: "rotating", user, device }, keyId);
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
    if (isComplete(door.fixed!, heard, nowMs)) this.permits.add(door, source, { via: "fixed" });
    if (door.closing !== undefined && isComplete(door.closing, heard, nowMs)) this.closes(source);
  }

  #committed({ changes }: Committed): void {
    const nowMs = this.#agenda.monotonicMs();
    for (const { set, key, add } of changes) {
      if (add === undefined) continue;
      if (set === "uses" && add.exclusive) this.uses.spend(key.toHex());
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

  #checkElement(set: string, key: Uint8Array, endMs: number): void {
    const found = readKey(new DataView(key.buffer, key.byteOffset), 0, key.length);
    if (found === undefined) return;
    const address = formatAddress(found.address);
    const { port } = found.port;
    const leftMs = Math.round(endMs - this.#agenda.monotonicMs());
    const what = `${describe(address, found.port)} in ${set} for ${leftMs} ms`;
    if (!this.permits.may(address, port, endMs)) {
      this.#broken(new Violation("no door is open without a living grant", what));
    } else if (set.startsWith("idle") && !this.permits.mayRest(set, address, port, endMs)) {
      this.#broken(new Violation("an idle grant ends in a pause", what));
    }
  }
}

function describe(address: string, { proto, port }: Port): string {
  return `${proto} ${port} to ${address}`;
}
