/** People knock, strangers forge, and somebody on the way sends what was heard. */

import { type Address, formatAddress } from "../../src/core/address.ts";
import type { Port } from "../../src/core/port.ts";
import { sequencePorts } from "../../src/rks/sequence.ts";
import { slotAt } from "../../src/rks/slot.ts";
import type { Agenda } from "./agenda.ts";
import type { Alarms, Named } from "./alarms.ts";
import type { Chronicle } from "./chronicle.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { Disturbances } from "./disturbances.ts";
import type { Expectations } from "./expectations.ts";
import type { KeyRing } from "./key-ring.ts";
import type { LossWatch } from "./loss-watch.ts";
import type { Network } from "./network.ts";
import type { Oracle } from "./oracle.ts";
import type { Road } from "./story.ts";
import { doorsOf, EAVESDROPPER, type Person, PEOPLE, stranger } from "./world.ts";

/** The one door with a fixed sequence. */
const FIXED_DOOR = "legacy";

/** Longer than any window of a sequence. */
const LATELY_MS = 11_000;

/** Packets of other knocks that leave a matcher room enough. */
const SPARE_PACKETS = 8;

interface Sent extends Named {
  readonly address: Address;
  readonly ports: readonly Port[];
  /** Somebody else sent it too, and may have been first. */
  raced: boolean;
}

interface KnocksParts {
  readonly agenda: Agenda;
  readonly chronicle: Chronicle;
  readonly disturbances: Disturbances;
  readonly keys: Pick<KeyRing, "of" | "works">;
  readonly process: Pick<DaemonProcess, "daemon" | "door">;
  readonly network: Network;
  readonly expectations: Expectations;
  readonly losses: Pick<LossWatch, "isDoubtful">;
  readonly alarms: Pick<Alarms, "sent">;
  readonly oracle: Pick<Oracle, "heard" | "uses">;
}

export class Knocks {
  readonly #parts: KnocksParts;
  readonly #sent: Sent[] = [];

  constructor(parts: KnocksParts) {
    this.#parts = parts;
  }

  /** The person, whose clock is off by so much, knocks at a rotating door. */
  rotating(who: number, name: string, clockMs: number, road: Road): void {
    const { agenda, chronicle, keys, process, losses, oracle, expectations } = this.#parts;
    const door = process.door(name);
    const person = PEOPLE[who]!;
    const { user, device, address } = person;
    const { key, id } = keys.of(who);
    const { space } = door ?? doorsOf(0).find((one) => one.name === name)!;
    const { stepSeconds, skew } = space;
    const slot = slotAt(agenda.wallMs() + clockMs, stepSeconds);
    const ports = Array.from(sequencePorts(key, name, space, slot), tcp);
    const off = clockMs === 0 ? "" : `, whose clock is off by ${clockMs / 1_000} s,`;
    chronicle.note(`${person.name}${off} knocks at ${name}, slot ${slot}`);
    const sent: Sent = { address, door: name, user, device, ports, raced: false };
    this.#sent.push(sent);
    const before = oracle.uses.lastUsed(name, id, stepSeconds);
    const isMember = door?.users.includes(user) === true || door?.users.includes("*") === true;
    const isFirst = slot > before && isMember && keys.works(id);
    const whole = this.#send(sent, address, road);
    if (door === undefined || !isFirst || whole === undefined || !expectations.areCertain) return;
    if (whole.tookMs > space.windowSeconds * 1_000) return;
    const wasDoubtful = losses.isDoubtful(process.daemon, slot, space);
    const what = `${person.name} gets in at ${name}`;
    const counts = () => {
      const own = slotAt(agenda.wallMs(), stepSeconds);
      if (Math.abs(own - slot) > skew || wasDoubtful || sent.raced) return false;
      // Somebody sent a later one, which was ahead of its time at first.
      if (oracle.uses.lastUsed(name, id, stepSeconds) > slot) return false;
      return keys.works(id) && this.#heardFrom(address) <= whole.packets + SPARE_PACKETS;
    };
    expectations.opens({ lastMs: whole.lastMs, what, door, address, counts });
  }

  /** One of the last knocks comes again, from its sender (`own`) or from who listened: `back` from the last. */
  again(back: number, own: boolean, road: Road): void {
    const sent = this.#sent.at(-1 - back);
    if (sent === undefined) return;
    const from = own ? sent.address : EAVESDROPPER;
    const words = `a knock of ${formatAddress(sent.address)} again, from ${formatAddress(from)}`;
    this.#parts.chronicle.note(words);
    sent.raced ||= !own;
    this.#send(sent, from, road);
  }

  /** The person knocks the sequence that opens the fixed door, or the one that closes it. */
  fixed({ name, address }: Person, closing: boolean, road: Road): void {
    const { chronicle, disturbances, process, network, expectations } = this.#parts;
    const door = process.door(FIXED_DOOR);
    const sequence = closing ? door?.closing : door?.fixed;
    if (door === undefined || sequence === undefined) return;
    chronicle.note(`${name} knocks the fixed sequence${closing ? " that closes" : ""}`);
    const isCertain = expectations.areCertain;
    const whole = network.send(address, sequence.knocks, {
      ...road,
      gapMs: Math.max(1, road.gapMs),
    });
    if (closing) disturbances.disturb();
    if (whole === undefined || !isCertain || whole.tookMs > sequence.timeoutMs) return;
    const { lastMs, packets } = whole;
    const isAlone = () => this.#heardFrom(address) <= packets;
    if (closing) {
      const what = `${name} stays in`;
      expectations.closes({ lastMs, what, door, address, counts: isAlone });
      return;
    }
    const hasRoom = this.#fixedGrants < door.maxGrants - 1;
    const what = `${name} gets in at ${FIXED_DOOR}`;
    const counts = () =>
      isAlone() &&
      hasRoom &&
      this.#fixedGrants < door.maxGrants &&
      process.daemon?.counters.get("closesOwed") === 0;
    expectations.opens({ lastMs, what, door, address, counts });
  }

  /** Strangers who know the fixed sequence knock it, from the `first` of them on. */
  crowd(first: number, strangers: number): void {
    const { chronicle, process, network } = this.#parts;
    chronicle.note(`${strangers} strangers knock the fixed sequence`);
    const knocks = process.door(FIXED_DOOR)?.fixed?.knocks ?? [];
    for (let number = 0; number < strangers; number++) {
      for (const [i, port] of knocks.entries()) {
        network.sendOne(stranger(first + number), port, 1 + 20 * number + i);
      }
    }
  }

  #send(sent: Sent, from: Address, road: Road): ReturnType<Network["send"]> {
    this.#parts.alarms.sent(sent, from);
    return this.#parts.network.send(from, sent.ports, road);
  }

  #heardFrom(address: Address): number {
    const { agenda, oracle } = this.#parts;
    return oracle.heard.countLately(address, agenda.wallMs(), LATELY_MS);
  }

  get #fixedGrants(): number {
    return this.#parts.process.daemon?.opening.ledger.count(FIXED_DOOR) ?? 0;
  }
}

function tcp(port: number): Port {
  return { proto: "tcp", port };
}
