/** Grants in the kernel: set elements that the kernel itself ends. */

import type { Address } from "../core/address.ts";
import { formatAddress } from "../core/address.ts";
import { parseDuration } from "../core/duration.ts";
import { OpError } from "../core/errors.ts";
import type { Port, PortRange } from "../core/port.ts";
import { Errno } from "../native/errno.ts";
import { commentUserData, ownerUserData } from "../native/libnftnl.ts";
import { Conntrack, type Spared } from "./conntrack.ts";
import { grantedAddress, namesWhole64, readKey, singlePorts } from "./element-key.ts";
import { writeKey, writeMarkedKey } from "./element-key.ts";
import { endSessions } from "./end-sessions.ts";
import type { CloseRequest, Firewall, GrantKind, GrantRequest } from "./firewall.ts";
import type { KernelGrant, Use, Which } from "./firewall.ts";
import { heldPlaces } from "./held.ts";
import { LOOK_UPS_AT_ONCE, NftSocket } from "./nft-socket.ts";
import type { Refusal, SetSocket } from "./nft-socket.ts";
import { readOwner, writeOwner } from "./owner.ts";
import { refusalError } from "./refusal.ts";
import type { SetElement } from "./set-element.ts";
import { SET, TABLE_NAME } from "./sets.ts";
import { closeSlots, openSlots, setOf, SHORTEST_MS, wholeMs } from "./slots.ts";
import type { Comment, IdleSet, Slot } from "./slots.ts";

/** How long an address is refused at least after it was closed. */
const REVOKED_MS = 5 * 60_000;
/**
 * A transaction is repeated when an element that it deletes ended in between, the kernel was busy with its set, or its reply
 * was lost; a look-up, when an answer was.
 */
const TRIES = 4;
/** The length of the name of a use. */
const USE_BYTES = 16;
/** Between two tries of one transaction. */
const MOMENT_MS = 1_000;

/** The kernel's part in grants: sets of elements that end by themselves, and the sessions of a grant closed by hand. */
export interface GrantKernel extends Disposable {
  readonly sets: SetSocket;
  /** The kernel's id for the socket. */
  readonly portId: number;
  /** Ends the living sessions of the address, or its /64, on these ports, except those that are `spared`. */
  endSessions(
    address: Address,
    prefix6: 64 | 128,
    ports: readonly PortRange[],
    spared: Spared,
  ): void;
}

/** The kernel that runs, through sockets of the calling thread. */
function runningKernel(): GrantKernel {
  const sets = new NftSocket();
  const conntrack = new Conntrack(sets.socket);
  return {
    sets,
    portId: sets.socket.portId,
    endSessions(...which) {
      conntrack.deleteConnections(...which);
      endSessions(...which);
    },
    [Symbol.dispose]: () => sets[Symbol.dispose](),
  };
}

export class KernelGrants implements Firewall, Disposable {
  readonly #kernel: GrantKernel;
  readonly #nft: SetSocket;
  readonly #comments = new Map<string, Uint8Array>();
  /** A transaction of the present opening or closing may have happened: its reply was lost. */
  #unheard = false;

  private constructor(kernel: GrantKernel) {
    this.#kernel = kernel;
    this.#nft = kernel.sets;
  }

  /**
   * Opens the sockets, in the network namespace of the calling thread and for that thread only.
   * Throws OpError (exit 77 without CAP_NET_ADMIN). The guard need not be loaded yet. Default: the
   * kernel that runs.
   */
  static open(kernel = runningKernel()): KernelGrants {
    return new KernelGrants(kernel);
  }

  /** The kernel's id for the socket; events about changes made here carry it. */
  get portId(): number {
    return this.#kernel.portId;
  }

  open(request: GrantRequest): "opened" | "used" {
    this.#unheard = false;
    try {
      return this.#open(request);
    } catch (error) {
      if (error instanceof OpError) error.mayHaveHappened = this.#unheard;
      throw error;
    }
  }

  #open(request: GrantRequest): "opened" | "used" {
    const address = grantedAddress(request.address, request.prefix6);
    if (request.prefix6 === 128 && namesWhole64(address)) throw wholeNetwork(address);
    const { use, label, openedMs } = request;
    const slots = openSlots(request, address, this.#owned);
    const comment = this.#owned(label, openedMs === undefined ? {} : { openedMs });
    if (request.fresh !== true) return this.#apply("open a grant in", address, slots, use, comment);
    const opened = this.#openFresh(address, slots, use, comment);
    if (opened !== "refused") return opened;
    return this.#apply("open a grant in", address, slots, use, comment);
  }

  close(request: CloseRequest): void {
    this.#unheard = false;
    const { prefix6, ports, held = [] } = request;
    const address = grantedAddress(request.address, prefix6);
    const idle = this.#idleSets().filter(({ family }) => family === address.family);
    const end = (request.sessions ?? "end") === "end";
    // Longer than a packet in flight can still renew an idle grant.
    const revokedMs = Math.max(REVOKED_MS, ...idle.map(({ idleMs }) => idleMs + 60_000));
    const slots = closeSlots(address.family, idle, request, this.#owned);
    const others = heldPlaces(held);
    for (const port of end ? singlePorts(ports) : []) {
      if (others.some((other) => other.overlaps(address, prefix6, port))) continue;
      slots.push({
        set: SET.door("revoked", address.family),
        port,
        ms: revokedMs,
        keepLonger: true,
      });
    }
    this.#apply("close a grant in", address, slots, undefined, undefined);
    if (!end) return;
    const spared = (peer: Address, port: Port) => others.some((other) => other.covers(peer, port));
    this.#kernel.endSessions(address, prefix6, ports, spared);
  }

  livesMs(address: Address, ports: readonly PortRange[], which: Which): number[] {
    const set = setOf(which, address.family);
    const slots = singlePorts(ports).map((port) => ({ set, port }));
    return this.#lives(address, slots).map((ms) => Math.max(0, ms));
  }

  capsMs(address: Address, ports: readonly PortRange[], idleMs: number): number[] {
    const set = SET.cap(address.family, idleMs);
    const slots = singlePorts(ports).map((port) => ({ set, port }));
    return this.#lives(address, slots).map((ms) => Math.max(0, ms));
  }

  list(): KernelGrant[] {
    const grants: KernelGrant[] = [];
    for (const family of [4, 6] as const) {
      for (const [kind, set] of [
        ["plain", "grants"],
        ["fixed", "fixed"],
        ["once", "one"],
      ] as const) {
        const found = this.#nft.elements(SET.door(set, family), (view, element) =>
          readGrant(kind, view, element),
        );
        for (const grant of found ?? []) if (grant !== undefined) grants.push(grant);
      }
    }
    const idle = this.#idleSets();
    if (idle.length > 0) grants.push(...this.#listIdle(idle));
    return grants;
  }

  /**
   * Like `list`, but an element with several owners is listed once for each of them, with that
   * owner's life.
   */
  listOwned(): KernelGrant[] {
    const records = new Map<string, KernelGrant[]>();
    for (const family of [4, 6] as const) {
      this.#nft.elements(SET.shared(family), (view, element) => {
        const found = readRecord(view, element);
        if (found === undefined) return;
        const key = whichKey(found);
        records.set(key, [...(records.get(key) ?? []), found]);
      });
    }
    if (records.size === 0) return this.list();
    return this.list().flatMap((grant) => {
      const { remainingMs, prefix6, maxRemainingMs } = grant;
      const owners = records.get(whichKey(grant));
      if (owners === undefined) return [grant];
      return owners.map((owner) => ({
        ...owner,
        shared: true as const,
        prefix6,
        remainingMs: Math.min(owner.remainingMs, remainingMs),
        ...(maxRemainingMs !== undefined && {
          maxRemainingMs: Math.min(maxRemainingMs, owner.remainingMs - (owner.idleMs ?? 0)),
        }),
      }));
    });
  }

  uses(): Uint8Array[] {
    return (
      this.#nft.elements(SET.used, (view, { keyAt, keyLength }) =>
        new Uint8Array(view.buffer, view.byteOffset + keyAt, keyLength).slice(),
      ) ?? []
    );
  }

  remember(uses: readonly Use[]): void {
    this.#nft.beginTransaction();
    for (const use of uses) this.#spend(use, false);
    if (uses.length === 0) return;
    const [refusal] = this.#nft.commit();
    if (refusal !== undefined) throw refusalError("remember uses in", SET.used, refusal);
  }

  [Symbol.dispose](): void {
    this.#kernel[Symbol.dispose]();
  }

  /**
   * Opens elements that do not exist yet without looking first: one message to the kernel and one
   * answer. Returns "refused" where the kernel refused for any reason, or its reply was lost: then `#apply` looks
   * first. Not for grants that are likely to
   * exist: a failed transaction waits for all processors, many milliseconds.
   */
  #openFresh(
    address: Address,
    slots: readonly Slot[],
    use: Use | undefined,
    comment: Uint8Array | undefined,
  ): "opened" | "used" | "refused" {
    // The kernel does not acknowledge an empty transaction.
    if (use === undefined && slots.length === 0) return "opened";
    const nft = this.#nft;
    nft.beginTransaction();
    const names = new Map<number, string>();
    const useSequence = use === undefined ? -1 : this.#spend(use, true);
    for (const slot of slots) {
      const { set, ms } = slot;
      const length = this.#writeKey(address, slot);
      if (ms > 0) {
        names.set(nft.add(set, length, ms, true, slot.comment ?? comment), set);
      } else {
        // Deleting a missing element fails the whole transaction; an element added in the same one
        // never shows.
        names.set(nft.add(set, length, SHORTEST_MS, false), set);
        names.set(nft.delete(set, length), set);
      }
    }
    const refusals = nft.commit();
    if (refusals.length === 0) return "opened";
    const isUsed = refusals.some(
      ({ sequence, code }) => sequence === useSequence && code === Errno.EEXIST,
    );
    if (isUsed) return "used";
    this.#unheard = isUnknown(refusals);
    if (this.#unheard) return "refused";
    // Something exists, or ended meanwhile: look first. Any other refusal would come again.
    const other = refusals.find(({ code }) => code !== Errno.EEXIST && !isPassing(code));
    if (other === undefined) return "refused";
    throw refusalError(
      "open a grant in",
      names.get(other.sequence) ?? (use === undefined ? "" : SET.used),
      other,
    );
  }

  /** Brings every slot to its wanted life in one transaction. */
  #apply(
    operation: string,
    address: Address,
    slots: readonly Slot[],
    use: Use | undefined,
    comment: Uint8Array | undefined,
  ): "opened" | "used" {
    let missing: { set: string; refusal: Refusal } | undefined;
    for (let tries = 0; tries < TRIES; tries++) {
      const lives = this.#lives(address, slots);
      this.#nft.beginTransaction();
      const names = new Map<number, string>();
      const useSequence = use === undefined ? -1 : this.#spend(use, true);
      for (const [i, slot] of slots.entries()) {
        this.#move(address, slot, lives[i]!, comment, names);
      }
      if (use === undefined && names.size === 0) return "opened";
      const refusals = this.#nft.commit();
      if (refusals.length === 0) return "opened";
      const used = refusals.find(({ sequence }) => sequence === useSequence);
      if (used?.code === Errno.EEXIST) {
        return this.#unheard && this.#isFresh(use!) ? "opened" : "used";
      }
      this.#unheard ||= isUnknown(refusals);
      const refusal = refusals.find(({ code }) => !isPassing(code)) ?? refusals[0]!;
      const set = names.get(refusal.sequence) ?? (used === undefined ? "" : SET.used);
      // Without the record a later daemon does not know the other owners: better than no grant. Records that are to go
      // need no room: one that stayed would give its grant back.
      if (refusal.code === Errno.ENFILE && set === SET.shared(address.family)) {
        const unshared = slots.filter(({ mark, ms }) => mark === undefined || ms === 0);
        return this.#apply(operation, address, unshared, use, comment);
      }
      if (!isPassing(refusal.code) && !isUnknown(refusals)) {
        // Had an earlier try happened, the use would exist.
        if (use !== undefined) this.#unheard = false;
        throw refusalError(operation, set, refusal);
      }
      missing = { set, refusal };
    }
    // The reply to the last try may be lost, too.
    const happened = () => (use === undefined ? this.#isMoved(address, slots) : this.#isFresh(use));
    if (this.#unheard && happened()) return "opened";
    // The kernel said that it did not.
    this.#unheard = false;
    throw refusalError(operation, missing!.set, missing!.refusal);
  }

  /** Whether every slot has the life that it was to get a moment ago. */
  #isMoved(address: Address, slots: readonly Slot[]): boolean {
    const lives = this.#lives(address, slots);
    return slots.every(({ ms, keepShorter = false, keepLonger = false }, i) => {
      const lifeMs = lives[i]!;
      if (ms === 0) return lifeMs < 0;
      const isLong = keepShorter || lifeMs > ms - MOMENT_MS;
      return isLong && (keepLonger || lifeMs <= ms);
    });
  }

  /** Whether the use was spent a moment ago: the slots came with it, in one transaction. */
  #isFresh({ id, forMs }: Use): boolean {
    const [lifeMs = -1] = this.#lookUp(SET.used, 1, () => {
      this.#writeUse(id);
      this.#nft.ask(SET.used, USE_BYTES);
    });
    return lifeMs > wholeMs(forMs) - MOMENT_MS;
  }

  #writeUse(id: Uint8Array): void {
    for (let i = 0; i < USE_BYTES; i++) this.#nft.key.setUint8(i, id[i]!);
  }

  /** Adds the messages that bring one slot from its present life to its wanted one. */
  #move(
    address: Address,
    slot: Slot,
    lifeMs: number,
    comment: Uint8Array | undefined,
    names: Map<number, string>,
  ): void {
    const { set } = slot;
    if (slot.keepLonger === true && lifeMs >= slot.ms) return;
    const missing = slot.keepShorter === true && lifeMs < 0;
    const ms = missing ? 0 : slot.keepShorter === true ? Math.min(slot.ms, lifeMs) : slot.ms;
    const length = this.#writeKey(address, slot);
    // On older kernels, adding an element that exists does not move its end; replacing it does.
    if (lifeMs >= 0) names.set(this.#nft.delete(set, length), set);
    const said = slot.comment ?? comment;
    if (ms > 0) names.set(this.#nft.add(set, length, ms, false, said), set);
  }

  #spend({ id, forMs }: Use, exclusive: boolean): number {
    this.#writeUse(id);
    return this.#nft.add(SET.used, USE_BYTES, wholeMs(forMs), exclusive);
  }

  /**
   * The remaining lives of elements, in their order: Infinity without an end, −1 for a missing one. Throws OpError
   * where the kernel does not say.
   */
  #lives(address: Address, slots: readonly KeySlot[]): number[] {
    const lives: number[] = [];
    for (let from = 0; from < slots.length; from += LOOK_UPS_AT_ONCE) {
      const some =
        slots.length <= LOOK_UPS_AT_ONCE ? slots : slots.slice(from, from + LOOK_UPS_AT_ONCE);
      const found = this.#lookUp(some[0]!.set, some.length, () => {
        for (const slot of some) this.#nft.ask(slot.set, this.#writeKey(address, slot));
      });
      lives.push(...found);
    }
    return lives;
  }

  /** The answers to so many questions. An answer that is lost says nothing about its element. */
  #lookUp(set: string, count: number, ask: () => void): number[] {
    for (let tries = 0; tries < TRIES; tries++) {
      this.#nft.beginLookUps();
      ask();
      const lives = this.#nft.answers(count);
      if (lives !== undefined) return lives;
    }
    throw refusalError("look into", set, { sequence: 0, code: Errno.ENOBUFS, text: "" });
  }

  /** Writes the key of a slot for the next message. Returns its length. */
  #writeKey(address: Address, { port, mark, address: own = address }: KeySlot): number {
    const { key } = this.#nft;
    if (mark === undefined) return writeKey(key, own, port.proto, port.port);
    return writeMarkedKey(key, own, port.proto, port.port, mark);
  }

  #idleSets(): IdleSet[] {
    return this.#nft.setNames().flatMap((name) => {
      const match = /^idle([46])_(.+)$/.exec(name);
      const idleMs = parseDuration(match?.[2] ?? "");
      if (idleMs === undefined) return [];
      return [{ name, family: match![1] === "4" ? 4 : 6, idleMs } as const];
    });
  }

  #listIdle(idle: readonly IdleSet[]): KernelGrant[] {
    return idle.flatMap(({ name, family, idleMs }) => {
      const caps = new Map<string, number>();
      this.#nft.elements(SET.cap(family, idleMs), (view, element) => {
        const key = readKey(view, element.keyAt, element.keyLength);
        if (key !== undefined) caps.set(grantKey(key), element.remainingMs);
      });
      const found = this.#nft.elements(name, (view, element) => readGrant("idle", view, element));
      return (found ?? []).flatMap((grant) => {
        if (grant === undefined) return [];
        // Nothing renews it any more: it lives as long as it does now.
        const maxRemainingMs = caps.get(grantKey(grant)) ?? grant.remainingMs - idleMs;
        return [{ ...grant, idleMs, maxRemainingMs }];
      });
    });
  }

  /** The owner of an element as bytes: the part that `nft` shows and the part that it hides. */
  readonly #owned: Comment = (label, { openedMs, which }) => {
    const comment = this.#comment(label);
    if (openedMs === undefined) return comment;
    return ownerUserData(
      comment,
      writeOwner(which === undefined ? { openedMs } : { openedMs, which }),
    );
  };

  /** Doors have few labels and open often. */
  #comment(label: string): Uint8Array {
    let bytes = this.#comments.get(label);
    if (bytes === undefined) {
      bytes = commentUserData(label);
      if (this.#comments.size >= 4_096) this.#comments.clear();
      this.#comments.set(label, bytes);
    }
    return bytes;
  }
}

/**
 * Whether the next try may succeed: an element ended in between, or the kernel moves the elements of the set to a larger
 * table just now and has met more than sixteen of one key, spent within the last second.
 */
function isPassing(code: number): boolean {
  return code === Errno.ENOENT || code === Errno.EBUSY;
}

/** Whether the kernel had no memory, perhaps only for the reply: it may have done all or nothing. */
function isUnknown(refusals: readonly Refusal[]): boolean {
  return refusals.every(({ sequence, code }) => sequence === 0 && code === Errno.ENOBUFS);
}

function wholeNetwork(address: Address): OpError {
  return new OpError({
    operation: "open a grant in",
    object: TABLE_NAME,
    detail: `${formatAddress(address)} stands for its whole /64 and the door opens single addresses`,
    code: 0,
    remedy: "set prefix6 = 64 on the door, or come from another address",
  });
}

/** The fields that identify an element. */
type KeySlot = Pick<Slot, "set" | "port" | "address" | "mark">;

function whichKey(grant: KernelGrant): string {
  return `${grant.kind} ${grant.idleMs} ${grantKey(grant)}`;
}

function readRecord(view: DataView, element: SetElement): KernelGrant | undefined {
  const owner = readOwner(view, element.ownerAt, element.ownerLength);
  const key = readKey(view, element.keyAt, element.keyLength - 4);
  if (owner?.which === undefined || key === undefined) return undefined;
  const { openedMs, which } = owner;
  const { remainingMs } = element;
  return { ...which, ...key, prefix6: 128, remainingMs, openedMs, label: labelOf(view, element) };
}

function labelOf(view: DataView, { commentAt, commentLength }: SetElement): string {
  return Buffer.from(view.buffer, view.byteOffset + commentAt, commentLength).toString();
}

function readGrant(kind: GrantKind, view: DataView, element: SetElement): KernelGrant | undefined {
  const key = readKey(view, element.keyAt, element.keyLength);
  if (key === undefined) return undefined;
  const { remainingMs } = element;
  const owner = readOwner(view, element.ownerAt, element.ownerLength);
  return {
    kind,
    ...key,
    prefix6: namesWhole64(key.address) ? 64 : 128,
    remainingMs,
    ...(owner !== undefined && { openedMs: owner.openedMs }),
    label: labelOf(view, element),
  };
}

function grantKey({
  address: { a0, a1, a2, a3, family },
  port,
}: Pick<KernelGrant, "address" | "port">) {
  return `${family}-${a0}-${a1}-${a2}-${a3}-${port.proto}-${port.port}`;
}
