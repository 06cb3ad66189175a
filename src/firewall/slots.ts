/** The elements that a request is about, and the wanted state of each. Pure. */

import type { Address, Family } from "../core/address.ts";
import { maskAddress } from "../core/address.ts";
import type { Port } from "../core/port.ts";
import { isIn, namesWhole64, singlePorts } from "./element-key.ts";
import { DEFAULT_MAX_MS } from "./firewall.ts";
import type { CloseRequest, GrantRequest, Need, Which } from "./firewall.ts";
import { ownerMark } from "./owner.ts";
import type { OwnerFacts } from "./owner.ts";
import { SET } from "./sets.ts";

/**
 * No request is for a shorter life: a kernel tick may be 10 ms, and a life that rounds to 0 means
 * for ever.
 */
export const SHORTEST_MS = 100;

/** One element that a request is about. */
export interface Slot {
  readonly set: string;
  readonly port: Port;
  /** Default: the address of the request. */
  readonly address?: Address;
  /** The wanted life; 0 removes the element. */
  readonly ms: number;
  /** Only for a record in a set "shared". */
  readonly mark?: number;
  /** A longer life stays as it is. */
  readonly keepLonger?: boolean;
  /** A shorter life stays as it is, and a missing element stays missing. */
  readonly keepShorter?: boolean;
  /** What the element says of its owner. Default: the same as the whole request. */
  readonly comment?: Uint8Array;
}

/** The sets of one idle time and family. */
export interface IdleSet {
  readonly name: string;
  readonly family: Family;
  readonly idleMs: number;
}

const KIND_SETS = { plain: "grants", fixed: "fixed", once: "one" } as const;

/** The set that holds the elements of a kind. */
export function setOf({ kind, idleMs = 0 }: Which, family: Family): string {
  return kind === "idle" ? SET.idle(family, idleMs) : SET.door(KIND_SETS[kind], family);
}

/** The owner of an element as bytes: the part that `nft` shows and the part that it hides. */
export type Comment = (label: string, owner: Partial<OwnerFacts>) => Uint8Array;

/** One record; for an idle grant it lasts as long as traffic may keep the grant. */
function record(family: Family, port: Port, need: Need, comment: Comment): Slot {
  const { kind, idleMs, lifeMs, capMs = 0, label, openedMs = 0 } = need;
  const which = idleMs === undefined ? { kind } : { kind, idleMs };
  return {
    set: SET.shared(family),
    port,
    mark: ownerMark(label, which),
    ms: wholeMs(Math.max(lifeMs, idleMs === undefined ? 0 : capMs + idleMs)),
    comment: comment(label, { openedMs, which }),
  };
}

/** Records of the owners of elements that a request opens, where others share them. */
function partSlots(request: GrantRequest, family: Family, comment: Comment): Slot[] {
  const { kind, idleMs, openMs, maxMs = DEFAULT_MAX_MS, label, openedMs, ports } = request;
  const own: Need = {
    kind,
    ports,
    lifeMs: openMs,
    label,
    ...(openedMs !== undefined && { openedMs }),
    ...(kind === "idle" && { idleMs: idleMs ?? openMs, capMs: maxMs }),
  };
  const set = setOf(own, family);
  const beside = (request.beside ?? []).filter((need) => setOf(need, family) === set);
  if (beside.length === 0) return [];
  return singlePorts(ports).flatMap((port) => {
    const others = beside.filter((need) => need.ports.some((range) => isIn(port, range)));
    if (others.length === 0) return [];
    return [own, ...others].map((need) => ({
      ...record(family, port, need, comment),
      keepLonger: true,
    }));
  });
}

/** The slots that open `address`, which is the request's own or stands for its /64. */
export function openSlots(request: GrantRequest, address: Address, comment: Comment): Slot[] {
  const { family } = address;
  const { kind } = request;
  const openMs = wholeMs(request.openMs);
  const idleMs = request.idleMs ?? openMs;
  const set = setOf({ kind, idleMs }, family);
  const slots: Slot[] = [];
  for (const port of singlePorts(request.ports)) {
    slots.push({ set, port, ms: openMs, keepLonger: true });
    if (kind === "idle") {
      const ms = wholeMs(request.maxMs ?? DEFAULT_MAX_MS);
      slots.push({ set: SET.cap(family, idleMs), port, ms, keepLonger: true });
    }
    for (const refused of refusedAs(request.address)) {
      slots.push({ set: SET.door("revoked", family), port, address: refused, ms: 0 });
    }
  }
  slots.push(...partSlots(request, family, comment));
  return slots;
}

/**
 * An address is refused when it was closed, and when its /64 was: a new grant of either lets it in
 * again.
 */
function refusedAs(address: Address): Address[] {
  const alone = address.family === 4 || namesWhole64(address);
  return alone ? [address] : [address, maskAddress(address, 64)];
}

/** The longest life that somebody needs an element to have, and who that is. */
interface Longest {
  readonly ms: number;
  readonly need: Need;
}

function longest(
  needs: readonly (Need & { readonly set: string })[],
  set: string,
  port: Port,
  msOf: (need: Need) => number | undefined,
): Longest | undefined {
  let best: Longest | undefined;
  for (const need of needs) {
    if (need.set !== set || !need.ports.some((range) => isIn(port, range))) continue;
    const ms = msOf(need) ?? 0;
    if (ms > (best?.ms ?? 0)) best = { ms, need };
  }
  return best;
}

/**
 * Every element of the ports, with the longest life that somebody needs it to have, or with none.
 */
export function closeSlots(
  family: Family,
  idle: readonly IdleSet[],
  { ports, keep = [], owner }: Pick<CloseRequest, "ports" | "keep" | "owner">,
  comment: Comment,
): Slot[] {
  const needs = keep.map((need) => ({ ...need, set: setOf(need, family) }));
  const slots: Slot[] = [];
  const push = (set: string, port: Port, need: Longest | undefined, keepShorter: boolean) => {
    if (need === undefined) slots.push({ set, port, ms: 0 });
    else {
      const { label, openedMs } = need.need;
      const said = comment(label, openedMs === undefined ? {} : { openedMs });
      slots.push({ set, port, ms: wholeMs(need.ms), keepShorter, comment: said });
    }
  };
  for (const port of singlePorts(ports)) {
    for (const kind of ["plain", "fixed", "once"] as const) {
      const set = setOf({ kind }, family);
      const need = longest(needs, set, port, ({ lifeMs }) => lifeMs);
      // A spent element must not come back.
      push(set, port, need, kind === "once");
    }
    for (const { name, idleMs } of idle) {
      const need = longest(needs, name, port, ({ lifeMs }) => lifeMs);
      // Neither must one that ended in a pause of the traffic; and the traffic of one holder gives
      // no life to another's.
      push(name, port, need, true);
      const cap = longest(needs, name, port, ({ capMs }) => capMs);
      push(SET.cap(family, idleMs), port, cap, false);
    }
    const own = needs.filter((need) => need.ports.some((range) => isIn(port, range)));
    for (const need of own) {
      const kept = record(family, port, need, comment);
      const isAlone = own.filter(({ set }) => set === need.set).length < 2;
      slots.push(isAlone ? { ...kept, ms: 0 } : kept);
    }
    if (owner !== undefined && !own.some((need) => isSameOwner(need, owner))) {
      const ended = { ...owner, ports, lifeMs: SHORTEST_MS };
      slots.push({ ...record(family, port, ended, comment), ms: 0 });
    }
  }
  return slots;
}

type Owner = NonNullable<CloseRequest["owner"]>;

function isSameOwner(a: Owner, b: Owner): boolean {
  return a.label === b.label && a.kind === b.kind && a.idleMs === b.idleMs;
}

/** At least the shortest life allowed; throws RangeError for a life without an end. */
export function wholeMs(ms: number): number {
  if (!Number.isFinite(ms)) throw new RangeError(`a life of ${ms} ms has no end`);
  return Math.max(SHORTEST_MS, Math.ceil(ms));
}
