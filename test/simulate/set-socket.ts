/** A socket to the simulated kernel, for the real `KernelGrants`. */

import { type GrantKernel, KernelGrants } from "../../src/firewall/grants.ts";
import type { SetSocket } from "../../src/firewall/nft-socket.ts";
import { refusalError } from "../../src/firewall/refusal.ts";
import type { SetElement } from "../../src/firewall/set-element.ts";
import { Errno } from "../../src/native/errno.ts";
import type { Agenda } from "./agenda.ts";
import type { Change, Element } from "./element-sets.ts";
import type { SimulatedKernel } from "./kernel.ts";
import { endSessions, type LivingSession } from "./living-sessions.ts";

/** The type of user data that `ownerUserData` writes. */
const UDATA_OWNER = 0x73;

const NO_COMMENT = new Uint8Array();

/** `border` may throw: the process dies before or after a transaction. */
export function simulatedSets(
  kernel: SimulatedKernel,
  agenda: Agenda,
  portId: number,
  border: (where: string) => void,
): SetSocket {
  const key = new DataView(new ArrayBuffer(28));
  let changes: Change[] = [];
  let asked: { readonly set: string; readonly key: string }[] = [];
  let sequence = 0;
  const keyOf = (length: number) => new Uint8Array(key.buffer, 0, length).slice();
  const beginList = (set: string) => {
    border("a list");
    if (!kernel.faults.comesTrue("an interrupted list")) return;
    const text = "others kept changing it";
    throw refusalError("list", set, { sequence: 0, code: Errno.EINTR, text });
  };
  return {
    key,
    beginTransaction: () => void (changes = []),
    add(set, length, ms, exclusive, comment = NO_COMMENT) {
      const add = { ms, exclusive, comment: comment.slice() };
      changes.push({ sequence: ++sequence, set, key: keyOf(length), add });
      return sequence;
    },
    delete(set, length) {
      changes.push({ sequence: ++sequence, set, key: keyOf(length) });
      return sequence;
    },
    commit() {
      border("a transaction");
      const refusals = kernel.commit(changes, portId);
      border("the reply to a transaction");
      return refusals;
    },
    beginLookUps: () => void (asked = []),
    ask: (set, length) => void asked.push({ set, key: keyOf(length).toHex() }),
    answers(count) {
      border("a look-up");
      if (kernel.faults.comesTrue("a lost answer")) return undefined;
      return asked.slice(-count || asked.length).map((one) => {
        const element = kernel.find(one.set, one.key);
        return element === undefined ? -1 : lifeOf(element, agenda);
      });
    },
    elements(set, read) {
      beginList(set);
      return kernel.living(set)?.map((element) => read(...elementBytes(element, agenda)));
    },
    setNames() {
      beginList("");
      return kernel.setNames();
    },
  };
}

export function simulatedGrantKernel(
  sets: SetSocket,
  portId: number,
  end: GrantKernel["endSessions"],
): GrantKernel {
  return { sets, portId, endSessions: end, [Symbol.dispose]: () => undefined };
}

/** What stands around a socket. */
interface Machine {
  readonly agenda: Agenda;
  readonly kernel: SimulatedKernel;
  readonly sessions: Set<LivingSession>;
  readonly border: (where: string) => void;
}

/** The real grants, on a socket of their own. */
export function openGrants(
  { agenda, kernel, sessions, border }: Machine,
  portId: number,
): KernelGrants {
  const sets = simulatedSets(kernel, agenda, portId, border);
  const end: GrantKernel["endSessions"] = (...which) => void endSessions(sessions, ...which);
  return KernelGrants.open(simulatedGrantKernel(sets, portId, end));
}

/** As the kernel tells it: in whole milliseconds. */
function lifeOf({ endMs }: Element, agenda: Agenda): number {
  return Math.max(1, Math.round(endMs - agenda.monotonicMs()));
}

/** A view of key and user data, and where in it the parts are. */
export function elementBytes(found: Element, agenda: Agenda): [DataView, SetElement] {
  const { key, comment } = found;
  const bytes = new Uint8Array(key.length + comment.length);
  bytes.set(key);
  bytes.set(comment, key.length);
  const element = {
    keyAt: 0,
    keyLength: key.length,
    remainingMs: lifeOf(found, agenda),
    commentAt: 0,
    commentLength: 0,
    ownerAt: 0,
    ownerLength: 0,
  };
  for (let at = key.length; at + 2 <= bytes.length; at += 2 + bytes[at + 1]!) {
    if (bytes[at] === 0) {
      element.commentAt = at + 2;
      element.commentLength = bytes[at + 1]! - 1;
    } else if (bytes[at] === UDATA_OWNER) {
      element.ownerAt = at + 2;
      element.ownerLength = bytes[at + 1]!;
    }
  }
  return [new DataView(bytes.buffer), element];
}
