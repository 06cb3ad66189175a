/** Keeps the reasons why a right knock may not open its door now. */

import { type Reason, type ReasonCode, REASONS } from "../api/control.ts";
import { exampleUser } from "../config/names.ts";
import type { DaemonEvent } from "../core/events.ts";
import type { Plan } from "../data-plane/plan.ts";
import { describeCaptures } from "../data-plane/describe-captures.ts";

export class Readiness {
  readonly #reasons = new Map<ReasonCode, Omit<Reason, "code">>();
  /** The error of the kernel when one of its sets was full, until an audit finds room. */
  #kernelFull: string | undefined;
  /** Doors that have as many grants as they may, each until one of its grants ends. */
  readonly #fullDoors = new Map<string, string>();

  /** Doors that wait for their close commands to start. */
  #behind: readonly string[] = [];

  /** At most one reason per code, in the order of `REASONS`. */
  reasons(): readonly Reason[] {
    return (Object.keys(REASONS) as ReasonCode[])
      .filter((code) => this.#reasons.has(code))
      .map((code) => ({ code, ...this.#reasons.get(code) }));
  }

  set(code: ReasonCode, detail?: string, place?: string): void {
    this.#reasons.set(code, {
      ...(detail !== undefined && { detail }),
      ...(place !== undefined && { place }),
    });
  }

  has(code: ReasonCode): boolean {
    return this.#reasons.has(code);
  }

  clear(code: ReasonCode): void {
    this.#reasons.delete(code);
  }

  /** A knock cannot open a door without a key. */
  setKeys({ doors, rotating }: Plan): void {
    const held = new Set(
      rotating.groups.flatMap(({ parts }) =>
        parts.flatMap((part) => (part.count > 0 ? part.door : [])),
      ),
    );
    const keyless = doors.filter(({ name, users }) => users.length > 0 && !held.has(name));
    if (keyless.length === 0) {
      this.clear("keys");
      return;
    }
    const { name, users } = keyless[0]!;
    this.set(
      "keys",
      `No user of the door ${name} has a key: run sallyport user add ${exampleUser(users)}`,
    );
  }

  setCaptures(wanted: readonly string[], attached: readonly string[]): void {
    const missing = wanted.filter((name) => !attached.includes(name));
    const standsIn = missing.length === wanted.length;
    const detail = describeCaptures({ missing, down: [], standsIn });
    if (detail === undefined) this.clear("capture");
    else this.set("capture", detail);
  }

  /** Follows faults and recoveries. */
  hear(event: DaemonEvent): void {
    switch (event.type) {
      case "fault":
        if (event.full === true) this.#kernelFull = event.message;
        else this.set(event.part, event.message);
        break;
      case "recovered":
        this.clear(event.part);
        break;
      case "door.full":
        if (event.behind === true) break;
        this.#fullDoors.set(
          event.door,
          `${event.most} addresses hold the door ${event.door}, which is as many as may`,
        );
        break;
      case "grant.closed":
        this.#fullDoors.delete(event.grant.door);
        break;
      case "grant.opened":
        // A grant that the kernel accepted proves that it accepts grants again.
        this.clear("firewall");
        break;
      default:
        return;
    }
    this.#showFullness();
  }

  /** An audit found no set of the kernel full. */
  foundRoom(): void {
    this.#kernelFull = undefined;
    this.#showFullness();
  }

  /** These doors open to nobody new until the close commands they owe have started. */
  setBehind(doors: readonly string[]): void {
    this.#behind = doors;
    this.#showFullness();
  }

  #showFullness(): void {
    const [late] = this.#behind;
    const detail =
      this.#kernelFull ??
      this.#fullDoors.values().next().value ??
      (late && `The door ${late} waits until the close commands it owes have started`);
    if (detail === undefined) this.clear("full");
    else this.set("full", detail);
  }
}
