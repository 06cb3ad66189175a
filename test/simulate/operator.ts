/** What an operator asks of the daemon: doors opened and closed by hand, reloads, keys, probations. */

import type { Agenda } from "./agenda.ts";
import { grantsHeld, mislisted } from "./agreement.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Closings } from "./closings.ts";
import type { Daemon } from "./daemon.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { DiskTrouble } from "./disk-trouble.ts";
import type { Asked } from "./guard-watch.ts";
import type { SimulatedKernel } from "./kernel.ts";
import type { KeyRing } from "./key-ring.ts";
import type { Requests } from "./requests.ts";
import type { Deed } from "./story.ts";
import type { Watches } from "./watches.ts";
import { type Person, PEOPLE, stranger } from "./world.ts";

/** The daemon asks the kernel again to take what it kept after so long. */
const TAKEN_BACK_MS = 1_000;

interface OperatorParts {
  readonly agenda: Agenda;
  readonly chronicle: Chronicle;
  readonly kernel: SimulatedKernel;
  readonly disk: Pick<SimulatedDisk, "writeConfig" | "writeKeys">;
  readonly diskTrouble: Pick<DiskTrouble, "mayLack">;
  readonly keys: KeyRing;
  readonly process: Pick<DaemonProcess, "running">;
  readonly requests: Pick<Requests, "ask">;
  readonly closings: Pick<Closings, "ask">;
  readonly watches: Pick<Watches, "guard" | "oracle" | "sessions">;
}

export class Operator {
  readonly #parts: OperatorParts;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
  }

  open(door: string, { name, address }: Person): void {
    const work = async (daemon: Daemon) => {
      await daemon.open(door, address);
    };
    this.#parts.requests.ask({ what: `open ${door} for ${name}`, work });
  }

  /** Opens the door to so many strangers at once. */
  openToMany(door: string, strangers: number): void {
    const addresses = Array.from({ length: strangers }, (_, i) => stranger(i));
    const work = async (daemon: Daemon) => {
      await Promise.all(addresses.map((address) => daemon.open(door, address)));
    };
    this.#parts.requests.ask({ what: `open ${door} for ${strangers} strangers`, work });
  }

  /** Closes one of the grants that are listed then. */
  close(which: number): void {
    const { agenda, chronicle, closings, kernel, requests, watches } = this.#parts;
    const work = async (daemon: Daemon) => {
      const grants = await daemon.grants();
      chronicle.judge(mislisted(grants, grantsHeld(daemon, agenda), agenda.wallMs()));
      const grant = grants[which % Math.max(1, grants.length)];
      if (grant === undefined) return;
      chronicle.note(`closes ${grant.door} for ${grant.address}`);
      closings.ask(grant.id);
      await daemon.close(grant.id);
      watches.oracle.check(kernel);
    };
    requests.ask({ what: "close a grant by hand", work });
  }

  /** Writes the configuration into the file, and has it read. */
  reload({ number, broken, yes, armMs }: Extract<Deed, { type: "reload" }>): void {
    const { disk, keys, requests } = this.#parts;
    disk.writeConfig(number, broken);
    const what = `reload ${broken ? "a broken file" : `configuration ${number}`}`;
    const how =
      armMs === undefined ? (yes ? ", yes" : "") : `, on probation for ${armMs / 1_000} s`;
    const asked = armMs === undefined ? undefined : this.#probation(armMs, true);
    const { listed } = keys;
    const work = async (daemon: Daemon) => {
      await daemon.reload({ yes, ...(armMs !== undefined && { armMs }) });
      keys.wasRead(listed);
      // Nobody was kept who could be missed.
      if (keys.isSpoilt) keys.doubt();
    };
    requests.ask({ what: `${what}${how}`, work, asked, isGentle: true });
  }

  /** Changes a key in the file, and, if `told`, has it read. */
  changeKeys({ person, how, told, keepSessions }: Extract<Deed, { type: "keys" }>): void {
    const { chronicle, disk, diskTrouble, keys, requests, watches } = this.#parts;
    keys.change(person, how);
    disk.writeKeys(keys.text);
    const words = { remove: "removes", return: "puts back", replace: "replaces" }[how];
    chronicle.note(`somebody ${words} the key of ${PEOPLE[person]!.name} in the file`);
    if (!told) return;
    const { listed } = keys;
    const work = async (daemon: Daemon) => {
      await daemon.reloadKeys(keepSessions);
      const gone = keys.wasRead(listed);
      if (keepSessions) return;
      this.#revoke(gone);
      if (diskTrouble.mayLack) return;
      const violation = watches.sessions.removed(
        gone.map(({ id }) => id),
        gone.map(({ user, device }) => `${user}/${device}`),
        daemon.inForce.settings.doors,
        await daemon.grants(),
      );
      chronicle.judge(violation);
    };
    const what = `read the keys${keepSessions ? ", keep sessions" : ""}`;
    requests.ask({ what, work, isGentle: true });
  }

  /** Nothing that these keys opened may stay open. What was opened unheard is over when the kernel answers again. */
  #revoke(gone: readonly { readonly id: string }[]): void {
    const { agenda, kernel, process, watches } = this.#parts;
    if (process.running?.opening.doorkeeper?.ends.dueMs !== Infinity) {
      agenda.after(TAKEN_BACK_MS, () => this.#revoke(gone));
      return;
    }
    for (const { id } of gone) watches.oracle.permits.revoke(id);
    watches.oracle.check(kernel);
  }

  /** Somebody spoils the file of the keys, and tells nobody. */
  spoilKeys(state: Extract<Deed, { type: "keys file" }>["state"]): void {
    const { chronicle, disk, keys } = this.#parts;
    const texts = { broken: `${keys.text}\n["`, empty: "", gone: undefined };
    disk.writeKeys(texts[state]);
    keys.spoil();
    chronicle.note(`keys.toml is ${state}`);
  }

  /** The file of the keys is as it should be again. */
  mendKeys(): void {
    const { disk, keys } = this.#parts;
    disk.writeKeys(keys.text);
    keys.mend();
  }

  /** Puts the guard on probation for so long. */
  arm(forMs: number): void {
    const asked = this.#probation(forMs, false);
    const work = (daemon: Daemon) => daemon.arm(forMs);
    this.#parts.requests.ask({ what: `arm for ${forMs / 1_000} s`, work, asked });
  }

  confirm(force: boolean): void {
    const work = (daemon: Daemon) => daemon.confirm(force);
    const what = `confirm${force ? " by force" : ""}`;
    this.#parts.requests.ask({ what, work, asked: { type: "confirm" } });
  }

  #probation(forMs: number, byReload: boolean): Asked {
    return { type: "probation", forMs, back: this.#parts.watches.guard.backAfter(byReload) };
  }
}
