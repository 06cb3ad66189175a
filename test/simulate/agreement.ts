/** Compares what the kernel, the ledger and the control plane say, when nothing disturbs them. */

import { type Address, formatAddress, parsePrefix } from "../../src/core/address.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { Door } from "../../src/config/settings.ts";
import type { Grant } from "../../src/core/grant.ts";
import type { Plan } from "../../src/data-plane/plan.ts";
import { readKey, singlePorts } from "../../src/firewall/element-key.ts";
import { setOf } from "../../src/firewall/slots.ts";
import type { KeyTable } from "../../src/rks/key-table.ts";
import type { Agenda } from "./agenda.ts";
import type { Daemon } from "./daemon.ts";
import type { Issued } from "./key-ring.ts";
import type { SimulatedKernel } from "./kernel.ts";
import { isGrantSet, keyText } from "./places.ts";
import { Violation } from "./violation.ts";

const NEARLY_MS = 1_500;

/** The living grants of the ledger. */
export function grantsHeld({ opening }: Daemon, clock: Clock): readonly Grant[] {
  return opening.ledger.list(clock.monotonicMs(), clock.wallMs());
}

/** What the kernel has and the ledger does not, or the other way round, sooner than any repair mends it. */
export function unnoticed(
  daemon: Daemon,
  kernel: SimulatedKernel,
  agenda: Agenda,
): Violation | undefined {
  // Whatever is gone with it waits for the repair.
  if (!kernel.hasTable) return undefined;
  const grants = grantsHeld(daemon, agenda);
  const known = new Set<string>();
  for (const grant of grants) {
    const { address } = parsePrefix(grant.address)!;
    const set = setOf(grant, address.family);
    for (const { proto, port } of singlePorts(grant.ports)) {
      const key = keyText(address, port, proto);
      known.add(`${set} ${key}`);
      const isShort = grant.expiresMs - agenda.wallMs() < NEARLY_MS;
      if (grant.kind !== "once" || isShort || kernel.find(set, key) !== undefined) continue;
      const what = `${grant.door} for ${grant.address} is over, and the ledger keeps it`;
      return new Violation("the end of a grant is noticed", what);
    }
  }
  for (const set of kernel.setNames().filter(isGrantSet)) {
    for (const { key, endMs } of kernel.living(set) ?? []) {
      if (endMs - agenda.monotonicMs() < NEARLY_MS || known.has(`${set} ${key.toHex()}`)) continue;
      return new Violation("ledger = kernel", `nobody knows of ${placeText(key)} in ${set}`);
    }
  }
  return undefined;
}

export function disagreement(
  daemon: Daemon,
  kernel: SimulatedKernel,
  agenda: Agenda,
): Violation | undefined {
  const nowMs = agenda.monotonicMs();
  const grants = grantsHeld(daemon, agenda);
  const doors = new Set(daemon.hearing.plan.doors.map(({ name }) => name));
  /** The longest life that the ledger knows, by set and key. */
  const lives = new Map<string, number>();
  for (const grant of grants) {
    const lifeMs = grant.expiresMs - agenda.wallMs();
    const { address } = parsePrefix(grant.address)!;
    const set = setOf(grant, address.family);
    for (const { proto, from, to } of grant.ports) {
      for (let port = from; port <= to; port++) {
        const place = `${set} ${keyText(address, port, proto)}`;
        lives.set(place, Math.max(lifeMs, lives.get(place) ?? 0));
        if (lifeMs >= NEARLY_MS && isRefused(kernel, address, keyText(address, port, proto))) {
          const what = `port ${port} refuses ${grant.address}, who has a grant of ${grant.door}`;
          return new Violation("a grant opens its ports", what);
        }
        if (!doors.has(grant.door) || lifeMs < NEARLY_MS) continue;
        const element = kernel.find(set, keyText(address, port, proto));
        // Each port of an idle grant ends by itself, when nobody talks through it.
        if (grant.kind === "idle" && isOpenSomewhere(kernel, set, address, grant)) continue;
        const isThere =
          element !== undefined &&
          (grant.kind === "once" || element.endMs - nowMs > lifeMs - NEARLY_MS);
        if (!isThere) {
          return new Violation(
            "ledger = kernel",
            `the kernel lacks ${grant.door} for ${grant.address}, port ${port}`,
          );
        }
      }
    }
  }
  for (const name of kernel.setNames().filter(isGrantSet)) {
    for (const { key, endMs } of kernel.living(name) ?? []) {
      const known = lives.get(`${name} ${key.toHex()}`);
      const leftMs = endMs - nowMs;
      const isKnown =
        known !== undefined && (name.startsWith("idle") || known > leftMs - NEARLY_MS);
      if (isKnown || leftMs < NEARLY_MS) continue;
      const what = known === undefined ? "nobody knows of" : "the ledger ends too early";
      return new Violation("ledger = kernel", `${what} ${placeText(key)} in ${name}`);
    }
  }
  const told = [...daemon.openings.grants()]
    .map(({ id }) => id)
    .sort()
    .join();
  if (
    told !==
    grants
      .map(({ id }) => id)
      .sort()
      .join()
  ) {
    return new Violation("events = ledger", "the control plane knows of other grants");
  }
  return undefined;
}

/** Whoever asks is told of each grant once, unless it opened or ended just now. */
export function mislisted(
  told: readonly Grant[],
  known: readonly Grant[],
  wallMs: number,
): Violation | undefined {
  const ids = new Set(told.map(({ id }) => id));
  const missing = known.find(
    ({ id, openedMs }) => !ids.has(id) && Math.abs(wallMs - openedMs) > NEARLY_MS,
  );
  if (missing === undefined && ids.size === told.length) return undefined;
  const what = missing === undefined ? "some are told twice" : `nobody is told of ${missing.id}`;
  return new Violation("API = ledger", what);
}

/** Knocks that anybody can forge open a door to so many addresses at once, and owe so many close commands. */
export function crowd(daemon: Daemon, kernel: SimulatedKernel): Violation | undefined {
  const due = daemon.persistent.owed.due();
  for (const { name, fixed, opens, maxGrants } of daemon.inForce.settings.doors) {
    if (fixed === undefined) continue;
    const held = ["fixed4", "fixed6"].flatMap((set) => kernel.living(set) ?? []);
    const ports = singlePorts(opens).length;
    // One that opened unheard counts once a later daemon has found it.
    if (held.length > ports * (maxGrants + kernel.unheard)) {
      const what = `${name} is open to ${held.length} of at most ${maxGrants} addresses`;
      return new Violation("a full door opens to nobody new", what);
    }
    const owed = due.filter(({ door }) => door === name).length;
    // What was open when the door fell behind comes to those that were due.
    if (owed <= 3 * maxGrants) continue;
    return new Violation("memory is bounded", `${name} owes ${owed} close commands`);
  }
  return undefined;
}

/** The keys in force, by both planes, are among those that may open something. */
export function strangeKey(daemon: Daemon, keys: readonly Issued[]): Violation | undefined {
  const strange = firstStranger(keys, daemon.inForce.configuration.keys, daemon.hearing.plan);
  if (strange === undefined) return undefined;
  const what = `that of ${strange.user}/${strange.device} is in force`;
  return new Violation("a removed key stays away", what);
}

const firstStranger = remembered((keys: readonly Issued[], table: KeyTable, plan: Plan) => {
  const may = new Set(keys.map(nameOfKey));
  const inForce = Array.from({ length: table.length }, (_, row) => ({
    ...table.at(row),
    key: table.key(row),
  }));
  return [...inForce, ...plan.rotating].find((key) => !may.has(nameOfKey(key)));
});

const areAlike = remembered((one: readonly Door[], other: readonly Door[]) =>
  Bun.deepEquals(one, other),
);

/** Answers as before as long as it is asked about the same objects, none of which changes. */
function remembered<Objects extends readonly object[], Answer>(
  work: (...of: Objects) => Answer,
): (...of: Objects) => Answer {
  let last: { readonly of: Objects; readonly answer: Answer } | undefined;
  return (...of) => {
    if (last === undefined || last.of.some((one, i) => one !== of[i])) {
      last = { of, answer: work(...of) };
    }
    return last.answer;
  };
}

function nameOfKey({ user, device, key }: Pick<Issued, "user" | "device" | "key">): string {
  return `${user}/${device} ${key.toHex()}`;
}

/**
 * Both planes and the kernel work by one configuration, and each of them whole. A port with `open_after` opens where the
 * kernel has refused to guard it anew for so long; it has not for `untamperedMs`.
 */
export function contradiction(
  daemon: Daemon,
  kernel: SimulatedKernel,
  untamperedMs: number,
): Violation | undefined {
  const { doors } = daemon.inForce.settings;
  if (!areAlike(daemon.hearing.plan.doors, doors)) {
    return new Violation("a reload is whole", "knocks are heard by another configuration");
  }
  if (!kernel.hasTable || daemon.guard.state === "lapsed") return undefined;
  const wanted = doors
    .filter(({ openAfterMs = 0 }) => openAfterMs <= untamperedMs)
    .flatMap(({ opens }) => opens);
  const missing = wanted.find(({ from }) => !kernel.isGuarded(from));
  if (missing === undefined) return undefined;
  return new Violation("a reload is whole", `port ${missing.from} is not guarded`);
}

/** Whether somebody closed the door to this very address, or /64, and nobody opened it again. */
function isRefused(kernel: SimulatedKernel, { family }: Address, key: string): boolean {
  return kernel.find(`revoked${family}`, key) !== undefined;
}

function isOpenSomewhere(
  kernel: SimulatedKernel,
  set: string,
  address: Address,
  { ports }: Grant,
): boolean {
  return singlePorts(ports).some(
    ({ proto, port }) => kernel.find(set, keyText(address, port, proto)) !== undefined,
  );
}

function placeText(key: Uint8Array): string {
  const { address, port } = readKey(new DataView(key.buffer, key.byteOffset), 0, key.length)!;
  return `port ${port.port} for ${formatAddress(address)}`;
}
