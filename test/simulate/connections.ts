/** People connect to ports, and talk: judged by the kernel's sets as its rules judge them. */

import { formatAddress } from "../../src/core/address.ts";
import { parseDuration } from "../../src/core/duration.ts";
import type { Agenda } from "./agenda.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Disturbances } from "./disturbances.ts";
import type { SimulatedKernel } from "./kernel.ts";
import type { LivingSession } from "./living-sessions.ts";
import { keyText, placesOf } from "./places.ts";
import type { Watches } from "./watches.ts";
import type { Person } from "./world.ts";

const FIRST_WORD_MS = 200;

/** Whoever is connected says something so often. */
const TALK_MS = 4_000;

interface ConnectionsParts {
  readonly agenda: Agenda;
  readonly chronicle: Chronicle;
  readonly disturbances: Pick<Disturbances, "grantSpent">;
  readonly kernel: SimulatedKernel;
  readonly sessions: Set<LivingSession>;
  readonly watches: Pick<Watches, "oracle" | "grants" | "sessions">;
}

export class Connections {
  readonly #parts: ConnectionsParts;
  #peerPorts = 30_000;

  constructor(parts: ConnectionsParts) {
    this.#parts = parts;
  }

  /** The person connects to the port, and talks for so long where that is let in. */
  connect({ name, address }: Person, port: number, forMs: number): void {
    const { agenda, chronicle, sessions } = this.#parts;
    const session = { address, port, peerPort: this.#peerPorts++ };
    const verdict = this.#syn(session);
    chronicle.note(`${name} connects to ${port}: ${verdict}`);
    if (verdict === "denied") return;
    sessions.add(session);
    const endMs = agenda.monotonicMs() + forMs;
    const talk = () => {
      if (!sessions.has(session)) return;
      if (agenda.monotonicMs() > endMs) sessions.delete(session);
      else {
        this.#renew(session);
        agenda.after(TALK_MS, talk);
      }
    };
    agenda.after(FIRST_WORD_MS, talk);
  }

  /** As the rules judge the first packet of a connection. */
  #syn(session: LivingSession): "accepted" | "denied" | "not guarded" {
    const { chronicle, kernel, watches } = this.#parts;
    const { address, port } = session;
    if (!kernel.isGuarded(port)) return "not guarded";
    const places = placesOf(address);
    const { family } = address;
    const holds = (set: string) =>
      places.find((place) => kernel.find(set, keyText(place, port)) !== undefined);
    if (holds(`revoked${family}`) !== undefined) return "denied";
    const open = [`grants${family}`, `fixed${family}`, ...this.#idleSets(family)];
    let admitted = open.map(holds).find((place) => place !== undefined);
    const isOnce = admitted === undefined;
    admitted ??= holds(`one${family}`);
    if (admitted === undefined) return "denied";
    const text = formatAddress(admitted);
    if (!watches.oracle.permits.may(text, port)) {
      const what = `a connection of ${text} to ${port}`;
      chronicle.break("no door is open without a living grant", what);
    }
    const reasons = places.flatMap((place) =>
      watches.oracle.permits.admissions(formatAddress(place), port),
    );
    watches.sessions.admitted(session, reasons);
    if (isOnce) {
      this.#parts.disturbances.grantSpent();
      kernel.spend(`one${family}`, keyText(admitted, port));
      watches.oracle.permits.spentOnce(text, port);
      watches.grants.spent(text, port);
    }
    return "accepted";
  }

  /** Traffic moves the end of idle elements. */
  #renew({ address, port }: LivingSession): void {
    const { agenda, kernel, watches } = this.#parts;
    for (const name of this.#idleSets(address.family)) {
      const idleMs = parseDuration(name.split("_")[1]!)!;
      for (const place of placesOf(address)) {
        const key = keyText(place, port);
        const element = kernel.find(name, key);
        const cap = kernel.find(name.replace("idle", "cap"), key);
        if (element === undefined || cap === undefined) continue;
        element.endMs = agenda.monotonicMs() + idleMs;
        const text = formatAddress(place);
        watches.grants.talked(text, port, element.endMs);
        watches.oracle.permits.renewed(name, text, element.endMs);
      }
    }
  }

  #idleSets(family: number): string[] {
    return this.#parts.kernel.setNames().filter((name) => name.startsWith(`idle${family}`));
  }
}
