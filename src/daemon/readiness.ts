/** Keeps the reasons why a right knock may not open its door just now. */

import { type Reason, type ReasonCode, REASONS } from "../api/control.ts";
import type { DaemonEvent } from "../core/events.ts";
import type { Plan } from "./plan.ts";

export class Readiness {
  readonly #reasons = new Map<ReasonCode, string | undefined>();

  /** At most one reason per code, in the order of `REASONS`. */
  reasons(): readonly Reason[] {
    return (Object.keys(REASONS) as ReasonCode[])
      .filter((code) => this.#reasons.has(code))
      .map((code) => {
        const detail = this.#reasons.get(code);
        return detail === undefined ? { code } : { code, detail };
      });
  }

  set(code: ReasonCode, detail?: string): void {
    this.#reasons.set(code, detail);
  }

  has(code: ReasonCode): boolean {
    return this.#reasons.has(code);
  }

  clear(code: ReasonCode): void {
    this.#reasons.delete(code);
  }

  /** A door that nobody has a key for cannot be opened by a knock. */
  setKeys({ doors, rotating }: Plan): void {
    const keyless = doors
      .filter(({ users }) => users.length > 0)
      .filter(({ name }) => !rotating.some((subject) => subject.door === name));
    if (keyless.length === 0) {
      this.clear("keys");
      return;
    }
    const { name, users } = keyless[0]!;
    this.set("keys", `No user of the door ${name} has a key: run sallyport user add ${users[0]}`);
  }

  setCaptures(wanted: readonly string[], attached: readonly string[]): void {
    const missing = wanted.filter((name) => !attached.includes(name));
    if (missing.length === 0) this.clear("capture");
    else
      this.set("capture", `Not listening on ${missing.join(", ")}: tried again every half second`);
  }

  /** Doors that have as many grants as they may; a right knock would not open them now. */
  readonly #fullDoors = new Set<string>();

  /** Follows faults and recoveries. */
  hear(event: DaemonEvent): void {
    if (event.type === "fault") this.set(event.full === true ? "full" : event.part, event.message);
    if (event.type === "door.full") {
      this.#fullDoors.add(event.door);
      this.set("full", `${event.most} addresses hold the door ${event.door}, which is as many as may`);
    }
    if (event.type === "grant.closed" && this.#fullDoors.delete(event.grant.door)) {
      if (this.#fullDoors.size === 0) this.clear("full");
    }
    if (event.type === "recovered") this.clear(event.part);
    // A grant the kernel took proves that it takes grants again.
    if (event.type === "grant.opened") this.clear("firewall");
  }
}
