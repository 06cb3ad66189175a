/** libnftnl: builds nf_tables messages for set elements and their batches into the caller's memory. */

import { ptr } from "bun:ffi";
import type { Pointer } from "bun:ffi";
import { OpError } from "../core/errors.ts";
import { openLibrary } from "./library.ts";
import { NLM_F } from "./netlink/message.ts";

const LIBNFTNL = {
  sonames: ["libnftnl.so.11"],
  packages: "libnftnl11 (Debian) or libnftnl (Fedora, Alpine, Arch)",
} as const;

/** libnftnl/set.h: enum nftnl_set_attr */
const NFTNL_SET_TABLE = 0;
const NFTNL_SET_NAME = 1;
/** libnftnl/set.h: enum nftnl_set_elem_attr */
const NFTNL_SET_ELEM_KEY = 1;
const NFTNL_SET_ELEM_TIMEOUT = 5;
const NFTNL_SET_ELEM_USERDATA = 7;
/** libnftnl/udata.h: NFTNL_UDATA_SET_ELEM_COMMENT */
const UDATA_COMMENT = 0;
/** Ours; nft ignores types that it does not know. */
const UDATA_OWNER = 0x73;
/** nf_tables limits user data to one byte of length; type, length and the final zero take three. */
export const COMMENT_MAX_BYTES = 120;

/** linux/netfilter/nf_tables.h: enum nf_tables_msg_types */
export const NFT_MSG = {
  GETSET: 10,
  NEWSETELEM: 12,
  GETSETELEM: 13,
  DELSETELEM: 14,
} as const;
/** linux/netfilter.h */
export const NFPROTO_INET = 1;

function load() {
  return openLibrary(LIBNFTNL, {
    nftnl_set_alloc: { args: [], returns: "ptr" }, // struct nftnl_set *
    nftnl_set_free: { args: ["ptr"], returns: "void" },
    nftnl_set_set_str: {
      args: [
        "ptr", // struct nftnl_set *s
        "u16", // uint16_t attr
        "buffer", // const char *str
      ],
      returns: "int",
    },
    nftnl_set_elem_alloc: { args: [], returns: "ptr" }, // struct nftnl_set_elem *
    nftnl_set_elem_add: {
      args: [
        "ptr", // struct nftnl_set *s
        "ptr", // struct nftnl_set_elem *elem
      ],
      returns: "void",
    },
    nftnl_set_elem_set: {
      args: [
        "ptr", // struct nftnl_set_elem *s
        "u16", // uint16_t attr
        "ptr", // const void *data
        "u32", // uint32_t data_len
      ],
      returns: "int",
    },
    nftnl_set_elem_set_u64: {
      args: [
        "ptr", // struct nftnl_set_elem *s
        "u16", // uint16_t attr
        "u64", // uint64_t val
      ],
      returns: "void",
    },
    nftnl_set_elem_unset: {
      args: [
        "ptr", // struct nftnl_set_elem *s
        "u16", // uint16_t attr
      ],
      returns: "void",
    },
    nftnl_nlmsg_build_hdr: {
      args: [
        "ptr", // char *buf
        "u16", // uint16_t cmd
        "u16", // uint16_t family
        "u16", // uint16_t type
        "u32", // uint32_t seq
      ],
      returns: "ptr", // struct nlmsghdr *
    },
    nftnl_set_elems_nlmsg_build_payload: {
      args: [
        "ptr", // struct nlmsghdr *nlh
        "ptr", // struct nftnl_set *s
      ],
      returns: "void",
    },
    nftnl_set_nlmsg_build_payload: {
      args: [
        "ptr", // struct nlmsghdr *nlh
        "ptr", // struct nftnl_set *s
      ],
      returns: "void",
    },
    nftnl_batch_begin: {
      args: [
        "ptr", // char *buf
        "u32", // uint32_t seq
      ],
      returns: "ptr", // struct nlmsghdr *
    },
    nftnl_batch_end: {
      args: [
        "ptr", // char *buf
        "u32", // uint32_t seq
      ],
      returns: "ptr", // struct nlmsghdr *
    },
  }).symbols;
}

type Nftnl = ReturnType<typeof load>;
let loaded: Nftnl | undefined;

function need(pointer: Pointer | bigint | null): Pointer {
  if (pointer !== null) return pointer as Pointer;
  throw new OpError({
    operation: "build",
    object: "nftables message",
    detail: "out of memory",
    code: 0,
    remedy: "free some memory",
  });
}

/** The user data that nft shows as `comment "text"`; cut to 120 bytes between characters. */
export function commentUserData(text: string): Uint8Array {
  // The decoder drops an incomplete character at the cut, because it waits for the rest.
  const bytes = Buffer.from(
    new TextDecoder().decode(Buffer.from(text).subarray(0, COMMENT_MAX_BYTES), { stream: true }),
  );
  return Uint8Array.from([UDATA_COMMENT, bytes.length + 1, ...bytes, 0]);
}

/** The same followed by bytes of our own, which nft does not show. */
export function ownerUserData(comment: Uint8Array, owner: Uint8Array): Uint8Array {
  const data = new Uint8Array(comment.length + 2 + owner.length);
  data.set(comment);
  data[comment.length] = UDATA_OWNER;
  data[comment.length + 1] = owner.length;
  data.set(owner, comment.length + 2);
  return data;
}

/**
 * One set of one table with one element that is refilled for each message, so that building
 * allocates nothing here. Free it; it belongs to one thread.
 */
export class SetMessages implements Disposable {
  readonly #nftnl: Nftnl;
  readonly #set: Pointer;
  readonly #element: Pointer;

  constructor(table: string, set: string) {
    this.#nftnl = loaded ??= load();
    this.#set = need(this.#nftnl.nftnl_set_alloc());
    this.#nftnl.nftnl_set_set_str(this.#set, NFTNL_SET_TABLE, Buffer.from(`${table}\0`));
    this.#nftnl.nftnl_set_set_str(this.#set, NFTNL_SET_NAME, Buffer.from(`${set}\0`));
    this.#element = need(this.#nftnl.nftnl_set_elem_alloc());
    this.#nftnl.nftnl_set_elem_add(this.#set, this.#element);
  }

  /** Sets the element of the next messages: `keyLength` bytes at `key`, no timeout, no comment. */
  key(key: Pointer, keyLength: number): void {
    this.#nftnl.nftnl_set_elem_set(this.#element, NFTNL_SET_ELEM_KEY, key, keyLength);
    this.#nftnl.nftnl_set_elem_unset(this.#element, NFTNL_SET_ELEM_TIMEOUT);
    this.#nftnl.nftnl_set_elem_unset(this.#element, NFTNL_SET_ELEM_USERDATA);
  }

  /** Gives the element a life in whole milliseconds, and user data of `commentUserData`. */
  life(ms: number, userData: Uint8Array | undefined): void {
    this.#nftnl.nftnl_set_elem_set_u64(this.#element, NFTNL_SET_ELEM_TIMEOUT, ms);
    if (userData === undefined) return;
    this.#nftnl.nftnl_set_elem_set(
      this.#element,
      NFTNL_SET_ELEM_USERDATA,
      ptr(userData),
      userData.length,
    );
  }

  /** Writes one message about the element at `at`; its first four bytes are its length. */
  element(at: Pointer, type: number, flags: number, sequence: number): void {
    const header = this.#nftnl.nftnl_nlmsg_build_hdr(at, type, NFPROTO_INET, flags, sequence);
    this.#nftnl.nftnl_set_elems_nlmsg_build_payload(header, this.#set);
  }

  [Symbol.dispose](): void {
    this.#nftnl.nftnl_set_free(this.#set); // frees its element too
  }
}

/** Writes the request for all elements of a set, or for all sets of the table without one. */
export function buildDump(at: Pointer, table: string, set: string | undefined, sequence: number) {
  const nftnl = (loaded ??= load());
  const object = need(nftnl.nftnl_set_alloc());
  nftnl.nftnl_set_set_str(object, NFTNL_SET_TABLE, Buffer.from(`${table}\0`));
  if (set !== undefined) {
    nftnl.nftnl_set_set_str(object, NFTNL_SET_NAME, Buffer.from(`${set}\0`));
  }
  const type = set === undefined ? NFT_MSG.GETSET : NFT_MSG.GETSETELEM;
  const header = nftnl.nftnl_nlmsg_build_hdr(at, type, NFPROTO_INET, NLM_F.DUMP, sequence);
  if (set === undefined) nftnl.nftnl_set_nlmsg_build_payload(header, object);
  else nftnl.nftnl_set_elems_nlmsg_build_payload(header, object);
  nftnl.nftnl_set_free(object);
}

/** Writes the message that begins a transaction at `at`. */
export function batchBegin(at: Pointer, sequence: number): void {
  (loaded ??= load()).nftnl_batch_begin(at, sequence);
}

/** Writes the message that commits the transaction at `at`. */
export function batchEnd(at: Pointer, sequence: number): void {
  (loaded ??= load()).nftnl_batch_end(at, sequence);
}
