/** What a right knock must open, or close, unless something happens meanwhile. */

import { type Address, maskAddress } from "../../src/core/address.ts";
import type { Door } from "../../src/config/settings.ts";
import { setOf } from "../../src/firewall/slots.ts";
import type { Agenda } from "./agenda.ts";
import type { Chronicle } from "./chronicle.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { Disturbances } from "./disturbances.ts";
import type { SimulatedKernel } from "./kernel.ts";
import { keyText } from "./places.ts";

interface ExpectationsParts {
  readonly agenda: Agenda;
  readonly chronicle: Chronicle;
  readonly disturbances: Disturbances;
  readonly kernel: SimulatedKernel;
  readonly process: Pick<DaemonProcess, "door" | "isDoomed" | "running">;
  /** The sets of the kernel have room for all that a story opens. */
  readonly haveRoom: boolean;
}

/** A knock on its way. */
interface Coming {
  /** When its last packet arrives, from now on. */
  readonly lastMs: number;
  /** "bob gets in at ssh" */
  readonly what: string;
  readonly door: Door;
  readonly address: Address;
  /** Asked when it is there: whether it is one that must open. */
  readonly counts: () => boolean;
}

export class Expectations {
  readonly #parts: ExpectationsParts;

  constructor(parts: ExpectationsParts) {
    this.#parts = parts;
  }

  /** Whether nothing now keeps a right knock from opening its door. */
  get areCertain(): boolean {
    const { process, haveRoom, kernel, disturbances } = this.#parts;
    return (
      process.running !== undefined &&
      !process.isDoomed &&
      haveRoom &&
      kernel.hasTable &&
      !kernel.faults.awaitsTransaction &&
      disturbances.steadyMs > 1_000
    );
  }

  /** A right knock must open its door. */
  opens({ lastMs, what, door, address, counts }: Coming): void {
    const { agenda, chronicle, disturbances, process } = this.#parts;
    const { count, shaken } = disturbances;
    const terms = JSON.stringify(door);
    agenda.after(lastMs + 1, () => {
      if (shaken !== disturbances.shaken || !counts()) return;
      if (JSON.stringify(process.door(door.name)) !== terms) return;
      chronicle.tally.add("knock that must open");
      if (count !== disturbances.count) {
        chronicle.tally.add("knock that must open through a reload");
      }
      for (const port of this.#closedPorts(door, address, lastMs)) {
        chronicle.break("a right knock opens", `${what}, port ${port}`);
      }
    });
  }

  /** A closing sequence must end what the fixed sequence opened. */
  closes({ lastMs, what, door, address, counts }: Coming): void {
    const { agenda, chronicle, disturbances, kernel, process } = this.#parts;
    const { shaken } = disturbances;
    agenda.after(lastMs + 1, () => {
      if (shaken !== disturbances.shaken || !counts()) return;
      chronicle.tally.add("knock that must close");
      for (const { from } of process.door(door.name)?.opens ?? []) {
        const set = setOf({ kind: "fixed" }, address.family);
        if (kernel.find(set, keyText(address, from)) === undefined) continue;
        chronicle.break("a closing sequence closes", `${what} at ${from}`);
      }
    });
  }

  /** Ports of the door that are shut to the address, or open for too short a time. */
  #closedPorts(door: Door, address: Address, lastMs: number): number[] {
    const { agenda, kernel } = this.#parts;
    const nowMs = agenda.monotonicMs();
    const masked = address.family === 6 && door.prefix6 === 64 ? maskAddress(address, 64) : address;
    const via = door.fixed === undefined ? "plain" : "fixed";
    const kind = door.uses === "one" ? "once" : door.idleCloseMs !== undefined ? "idle" : via;
    const { idleCloseMs: idleMs = 0 } = door;
    const set = setOf({ kind, idleMs }, address.family);
    // A fixed knock that would renew next to nothing renews nothing.
    const spareMs = kind === "fixed" ? Math.max(2_000, door.openForMs / 20) : 2_000;
    const leastMs = kind === "idle" ? 0 : door.openForMs - lastMs - spareMs;
    const closed: number[] = [];
    for (const { from, to } of door.opens) {
      for (let port = from; port <= to; port++) {
        const element = kernel.find(set, keyText(masked, port));
        const isRefused =
          kernel.find(`revoked${address.family}`, keyText(masked, port)) !== undefined;
        const isOpen = element !== undefined && element.endMs - nowMs > leastMs && !isRefused;
        if (!isOpen) closed.push(port);
      }
    }
    return closed;
  }
}
