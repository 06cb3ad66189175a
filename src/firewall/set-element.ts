/** Set elements as the kernel lists them: reads NFT_MSG_NEWSETELEM in place. */

import {
  align4,
  attributeLength,
  findAttribute,
  NLA_HDRLEN,
} from "../native/netlink/attributes.ts";
import { NFGENMSG_LEN } from "../native/netlink/message.ts";
import type { Message } from "../native/netlink/message.ts";

/** linux/netfilter/nf_tables.h: enum nft_set_elem_list_attributes, nft_list_attributes */
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_LIST_ELEM = 1;
/** linux/netfilter/nf_tables.h: enum nft_set_elem_attributes */
const NFTA_SET_ELEM_KEY = 1;
const NFTA_SET_ELEM_TIMEOUT = 4;
const NFTA_SET_ELEM_EXPIRATION = 5;
const NFTA_SET_ELEM_USERDATA = 6;
/** linux/netfilter/nf_tables.h: enum nft_data_attributes */
const NFTA_DATA_VALUE = 1;
/** libnftnl/udata.h: NFTNL_UDATA_SET_ELEM_COMMENT */
const UDATA_COMMENT = 0;
/** The type that `ownerUserData` writes. */
const UDATA_OWNER = 0x73;

/**
 * The attributes that a writer of such messages needs: the list of elements, and those of an
 * element.
 */
export const ELEMENT = {
  LIST: NFTA_SET_ELEM_LIST_ELEMENTS,
  TIMEOUT: NFTA_SET_ELEM_TIMEOUT,
  USERDATA: NFTA_SET_ELEM_USERDATA,
} as const;

/** The offsets of an element's parts in the datagram. One object is reused: copy what you keep. */
export interface SetElement {
  keyAt: number;
  keyLength: number;
  /** Infinity for an element without an end. */
  remainingMs: number;
  /** 0 where there is no comment. */
  commentAt: number;
  commentLength: number;
  /** The offset of the bytes of `ownerUserData`; 0 where there are none. */
  ownerAt: number;
  ownerLength: number;
}

const element: SetElement = {
  keyAt: 0,
  keyLength: 0,
  remainingMs: 0,
  commentAt: 0,
  commentLength: 0,
  ownerAt: 0,
  ownerLength: 0,
};

/** Calls `visit` for each element of the message; skips malformed ones. */
export function readElements(
  view: DataView,
  message: Message,
  visit: (element: SetElement) => void,
): void {
  const from = message.at + NFGENMSG_LEN;
  const list = findAttribute(view, from, message.end, NFTA_SET_ELEM_LIST_ELEMENTS);
  if (list < 0) return;
  const listEnd = list + attributeLength(view, list);
  let at = list + NLA_HDRLEN;
  for (;;) {
    at = findAttribute(view, at, listEnd, NFTA_LIST_ELEM);
    if (at < 0) return;
    const length = attributeLength(view, at);
    if (readElement(view, at + NLA_HDRLEN, at + length)) visit(element);
    at += align4(length);
  }
}

function readElement(view: DataView, at: number, end: number): boolean {
  const key = findAttribute(view, at, end, NFTA_SET_ELEM_KEY);
  if (key < 0) return false;
  const keyEnd = key + attributeLength(view, key);
  const value = findAttribute(view, key + NLA_HDRLEN, keyEnd, NFTA_DATA_VALUE);
  if (value < 0) return false;
  element.keyAt = value + NLA_HDRLEN;
  element.keyLength = attributeLength(view, value) - NLA_HDRLEN;

  const expiration = findAttribute(view, at, end, NFTA_SET_ELEM_EXPIRATION);
  const hasEnd = expiration >= 0 && attributeLength(view, expiration) === NLA_HDRLEN + 8;
  element.remainingMs = hasEnd ? readUint64(view, expiration + NLA_HDRLEN) : Infinity;

  const data = findAttribute(view, at, end, NFTA_SET_ELEM_USERDATA);
  readUserData(view, data, data < 0 ? 0 : attributeLength(view, data));
  return true;
}

/** Netfilter uses network order for its 64-bit numbers. */
function readUint64(view: DataView, at: number): number {
  return view.getUint32(at) * 0x1_0000_0000 + view.getUint32(at + 4);
}

/** User data are triples of type, length and bytes. */
function readUserData(view: DataView, data: number, length: number): void {
  element.commentAt = element.commentLength = element.ownerAt = element.ownerLength = 0;
  if (data < 0) return;
  const end = data + length;
  let at = data + NLA_HDRLEN;
  while (at + 2 <= end) {
    const size = view.getUint8(at + 1);
    const from = at + 2;
    if (from + size > end) return;
    if (view.getUint8(at) === UDATA_COMMENT && size > 0) {
      element.commentAt = from;
      element.commentLength = size - 1; // without the final zero
    } else if (view.getUint8(at) === UDATA_OWNER) {
      element.ownerAt = from;
      element.ownerLength = size;
    }
    at = from + size;
  }
}
