/** One netlink socket to nf_tables: look-ups, dumps and transactions of set elements. */

import { Errno } from "../native/errno.ts";
import { addressOf } from "../native/memory.ts";
import { batchBegin, batchEnd, buildDump, NFT_MSG, SetMessages } from "../native/libnftnl.ts";
import { align4, behind, textOf, within } from "../native/netlink/attributes.ts";
import { dump, type Visit } from "../native/netlink/dump.ts";
import {
  errorCode,
  errorText,
  isBetween,
  messages,
  NFGENMSG_LEN,
  NLM_F,
  NLMSG,
  NLMSG_HDRLEN,
} from "../native/netlink/message.ts";
import { NETLINK_NETFILTER, NetlinkSocket, SOL_SOCKET } from "../native/netlink/socket.ts";
import { ElementMessage } from "./element-message.ts";
import type { ElementMessageKind } from "./element-message.ts";
import { KeysSeen } from "./keys-seen.ts";
import { refusalError } from "./refusal.ts";
import { readElements } from "./set-element.ts";
import type { SetElement } from "./set-element.ts";
import { TABLE } from "./sets.ts";

/** linux/netfilter/nf_tables.h: NFTA_SET_NAME */
const NFTA_SET_NAME = 2;

/** asm-generic/socket.h, the same on x64 and arm64 */
const SO_SNDBUFFORCE = 32;

/** More than any message here needs: names, a key of 24 bytes and 123 bytes of user data. */
const MESSAGE_ROOM = 512;
/**
 * Keys are an address, a protocol, a port and perhaps a mark (12 to 28 bytes), or the name of a use
 * (16).
 */
const KEY_MAX_BYTES = 28;

/** A message that the kernel refused. */
export interface Refusal {
  /**
   * The sequence number that `add` or `delete` returned; any other number is the transaction as a
   * whole.
   */
  readonly sequence: number;
  /** errno, positive. */
  readonly code: number;
  /** The kernel's own words; often empty. */
  readonly text: string;
}

/** The most look-ups at once: all their answers wait in the socket's buffer. */
export const LOOK_UPS_AT_ONCE = 64;

/** The kernel could not answer now. */
const WITHOUT_MEMORY: ReadonlySet<number> = new Set([Errno.ENOMEM, Errno.ENOBUFS, Errno.EAGAIN]);

/** The result of a successful transaction; shared, so that opening a door makes no garbage. */
const NO_REFUSALS: readonly Refusal[] = [];

/** The kinds of message for a set. */
const ADD = { type: NFT_MSG.NEWSETELEM, flags: NLM_F.CREATE, hasLife: true } as const;
const CREATE = { ...ADD, flags: NLM_F.CREATE | NLM_F.EXCL } as const;
const DELETE = { type: NFT_MSG.DELSETELEM, flags: 0, hasLife: false } as const;
const ASK = { type: NFT_MSG.GETSETELEM, flags: 0, hasLife: false } as const;
type Kind = Omit<ElementMessageKind, "keyLength">;

/** Look-ups, dumps and transactions of set elements, whoever carries them out. */
export type SetSocket = Pick<
  NftSocket,
  | "key"
  | "beginTransaction"
  | "add"
  | "delete"
  | "commit"
  | "beginLookUps"
  | "ask"
  | "answers"
  | "elements"
  | "setNames"
>;

/** Belongs to one thread, and to the network namespace of that thread at the time. */
export class NftSocket implements Disposable {
  readonly socket = new NetlinkSocket(NETLINK_NETFILTER);
  readonly #templates = new Map<Kind, Map<string, ElementMessage>>(
    [ADD, CREATE, DELETE, ASK].map((kind) => [kind, new Map()]),
  );
  readonly #keyBytes = new Uint8Array(KEY_MAX_BYTES);
  /** Write an element's key here before `add`, `delete` and `ask`; 28 bytes. */
  readonly key = new DataView(this.#keyBytes.buffer);
  readonly #begin = templateOf(batchBegin);
  readonly #end = templateOf(batchEnd);
  #out = new Uint8Array(16 * MESSAGE_ROOM);
  #outAt = addressOf(this.#out);
  #outView = new DataView(this.#out.buffer);
  #length = 0;
  #lastAt = 0;
  /** Sequence numbers of the collected messages. */
  #first = 0;
  #last = 0;

  constructor() {
    // A transaction for a wide range of ports is larger than the default of 208 KiB.
    this.socket.setOption(SO_SNDBUFFORCE, 8 * 1024 * 1024, SOL_SOCKET);
  }

  /** Forgets the collected messages and begins a transaction, which `commit` ends. */
  beginTransaction(): void {
    this.#length = 0;
    this.#putBatch(this.#begin);
    this.#first = this.#last;
  }

  /** Adds an element that lives `ms` (whole milliseconds) under the key of `keyLength` bytes. */
  add(set: string, keyLength: number, ms: number, exclusive: boolean, comment?: Uint8Array) {
    return this.#put(exclusive ? CREATE : ADD, set, keyLength, ms, comment);
  }

  /** Deletes the element of the key; a missing one fails the transaction with ENOENT. */
  delete(set: string, keyLength: number): number {
    return this.#put(DELETE, set, keyLength, 0, undefined);
  }

  /**
   * Commits all collected messages or none, and returns the refusals. Reads every reply: in an
   * aborted batch, the kernel still acknowledges the messages behind the one that failed. Ignores a
   * reply to an earlier transaction, left over where the kernel had to discard some.
   */
  commit(): readonly Refusal[] {
    const first = this.#first;
    const last = this.#last;
    // The kernel always acknowledges errors, and it acknowledges this last message: its reply comes
    // after all others.
    const flags = this.#outView.getUint16(this.#lastAt + 6, true);
    this.#outView.setUint16(this.#lastAt + 6, flags | NLM_F.ACK, true);
    this.#putBatch(this.#end);
    const end = this.#last;
    this.#send();
    const { view } = this.socket;
    let refusals: Refusal[] | undefined;
    for (let isWhole = true, got = this.socket.receive(); ; got = this.socket.receive()) {
      if (refusals === undefined && this.#isDone(got, last)) return NO_REFUSALS;
      refusals ??= [];
      // The discarded replies may have held a refusal.
      if (got < 0) isWhole = false;
      for (const message of messages(view, got)) {
        if (message.type !== NLMSG.ERROR || !isBetween(message.sequence, first, end)) continue;
        const code = errorCode(view, message);
        const text = errorText(view, message) ?? "";
        if (code !== 0) refusals.push({ sequence: message.sequence, code, text });
        if (message.sequence === last && isWhole) return refusals;
      }
      if (got !== 0) continue;
      // The kernel gave up the batch as a whole: it gave a reason, or had no memory for a reply.
      return refusals.length > 0 ? refusals : [{ sequence: 0, code: Errno.ENOBUFS, text: "" }];
    }
  }

  /** Forgets the collected messages and begins look-ups, which `answers` ends. */
  beginLookUps(): void {
    this.#length = 0;
  }

  /** Asks for the element of the key; at most `LOOK_UPS_AT_ONCE` between two calls of `answers`. */
  ask(set: string, keyLength: number): void {
    this.#put(ASK, set, keyLength, 0, undefined);
  }

  /**
   * The remaining lives of the elements asked for, in that order, in ms: Infinity without an end,
   * −1 if missing. Undefined where the kernel had no memory for one of the answers; throws OpError where it refuses one.
   */
  answers(count: number): number[] | undefined {
    const last = this.#last;
    const first = (last - count + 1) >>> 0;
    const lives = Array.from({ length: count }, () => -1);
    if (count === 0) return lives;
    this.#send();
    const { view } = this.socket;
    for (let open = count; open > 0;) {
      const got = this.socket.receive();
      // What the kernel discarded may be older than these questions: their answers are counted.
      if (got === 0) return undefined;
      for (const message of messages(view, got)) {
        if (!isBetween(message.sequence, first, last)) continue;
        open -= 1;
        if (message.type === NLMSG.ERROR) {
          const code = errorCode(view, message);
          if (code === Errno.ENOENT) continue;
          if (WITHOUT_MEMORY.has(code)) return undefined;
          const text = errorText(view, message) ?? "";
          throw refusalError("look into", "", { sequence: message.sequence, code, text });
        }
        readElements(view, message, (element) => {
          lives[(message.sequence - first) >>> 0] = element.remainingMs;
        });
      }
    }
    return lives;
  }

  /**
   * The results of `read` for the elements of a set, each once; undefined when the set or the table
   * is missing.
   */
  elements<T>(set: string, read: (view: DataView, element: SetElement) => T): T[] | undefined {
    const keys = new KeysSeen();
    return this.#dump(
      set,
      (view, message, found: T[]) => {
        let isTorn = false;
        readElements(view, message, (element) => {
          isTorn ||= !keys.add(view, element.keyAt, element.keyLength);
          found.push(read(view, element));
        });
        // The kernel rehashes a set that has grown, a moment later and without a word: a listing
        // meanwhile repeats some elements, and lacks as many.
        return isTorn ? "torn" : undefined;
      },
      () => keys.clear(),
    );
  }

  /** The names of the table's sets; empty when the table is missing. */
  setNames(): string[] {
    const names = this.#dump(undefined, (view, message, found: string[]) => {
      const attributes = behind(message, NFGENMSG_LEN);
      const name = attributes && within(view, attributes, NFTA_SET_NAME);
      if (name !== undefined) found.push(textOf(view, name));
    });
    return names ?? [];
  }

  #dump<T>(
    set: string | undefined,
    visit: Visit<T>,
    begin: () => void = () => {},
  ): T[] | undefined {
    const answer = dump(
      this.socket,
      (sequence) => {
        begin();
        this.#length = 0;
        this.#makeRoom();
        buildDump(this.#outAt, TABLE, set, sequence);
        return { bytes: this.#out, length: align4(this.#outView.getUint32(0, true)) };
      },
      visit,
    );
    if ("found" in answer) return answer.found;
    const { code, text } = answer.refused;
    if (code === Errno.ENOENT) return undefined;
    throw refusalError("list", set ?? "", { sequence: 0, code, text });
  }

  /** Whether a datagram is only the acknowledgement of message `last`. */
  #isDone(got: number, last: number): boolean {
    const { view } = this.socket;
    return (
      got >= NLMSG_HDRLEN + 4 &&
      view.getUint32(0, true) === got &&
      view.getUint16(4, true) === NLMSG.ERROR &&
      view.getUint32(8, true) === last &&
      view.getInt32(NLMSG_HDRLEN, true) === 0
    );
  }

  #templateOf(kind: Kind, set: string, keyLength: number): ElementMessage {
    const templates = this.#templates.get(kind)!;
    let found = templates.get(set);
    if (found === undefined) {
      using writer = new SetMessages(TABLE, set);
      found = new ElementMessage(writer, { ...kind, keyLength });
      templates.set(set, found);
    }
    return found;
  }

  /** All keys of a set have one length. */
  #put(kind: Kind, set: string, keyLength: number, ms: number, comment: Uint8Array | undefined) {
    const template = this.#templateOf(kind, set, keyLength);
    const sequence = this.#nextSequence();
    this.#makeRoom();
    const at = this.#length;
    const key = this.#keyBytes;
    this.#length += template.write(this.#out, this.#outView, at, sequence, key, ms, comment);
    this.#lastAt = at;
    return sequence;
  }

  #putBatch(template: Uint8Array): void {
    this.#makeRoom();
    this.#out.set(template, this.#length);
    this.#outView.setUint32(this.#length + 8, this.#nextSequence(), true);
    this.#length += template.length;
  }

  #nextSequence(): number {
    this.#last = this.socket.nextSequence();
    return this.#last;
  }

  /** Makes room for the next message and one more. */
  #makeRoom(): void {
    if (this.#length + 2 * MESSAGE_ROOM <= this.#out.length) return;
    const larger = new Uint8Array(2 * this.#out.length);
    larger.set(this.#out);
    this.#out = larger;
    this.#outAt = addressOf(larger);
    this.#outView = new DataView(larger.buffer);
  }

  #send(): void {
    this.socket.send(this.#out, this.#length);
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }
}

/** The message of libnftnl that begins or ends a batch. */
function templateOf(build: typeof batchBegin): Uint8Array {
  const bytes = new Uint8Array(MESSAGE_ROOM);
  build(addressOf(bytes), 0);
  return bytes.slice(0, align4(new DataView(bytes.buffer).getUint32(0, true)));
}
