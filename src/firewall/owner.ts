/**
 * The facts about an element's owner besides its comment: since when, and in a record beside it,
 * how it ends.
 */

import type { GrantKind } from "../core/grant.ts";
import type { Which } from "./firewall.ts";

const KINDS: readonly GrantKind[] = ["plain", "fixed", "once", "idle"];
/** Unix milliseconds, 8 bytes. */
const OPENED_BYTES = 8;
/** Kind, 1 byte, and idle time in milliseconds, 4 bytes. */
const WHICH_BYTES = 5;

export interface OwnerFacts {
  /** Unix milliseconds. */
  readonly openedMs: number;
  /** Only in a record beside an element with several owners. */
  readonly which?: Which;
}

export function writeOwner({ openedMs, which }: OwnerFacts): Uint8Array {
  const bytes = new Uint8Array(OPENED_BYTES + (which === undefined ? 0 : WHICH_BYTES));
  const view = new DataView(bytes.buffer);
  view.setFloat64(0, openedMs);
  if (which !== undefined) {
    view.setUint8(OPENED_BYTES, KINDS.indexOf(which.kind));
    view.setUint32(OPENED_BYTES + 1, which.idleMs ?? 0);
  }
  return bytes;
}

/** Reads the facts that `writeOwner` wrote; undefined for other bytes. */
export function readOwner(view: DataView, at: number, length: number): OwnerFacts | undefined {
  if (length !== OPENED_BYTES && length !== OPENED_BYTES + WHICH_BYTES) return undefined;
  const openedMs = view.getFloat64(at);
  if (!Number.isSafeInteger(openedMs)) return undefined;
  if (length === OPENED_BYTES) return { openedMs };
  const kind = KINDS[view.getUint8(at + OPENED_BYTES)];
  if (kind === undefined) return undefined;
  const idleMs = view.getUint32(at + OPENED_BYTES + 1);
  return { openedMs, which: kind === "idle" ? { kind, idleMs } : { kind } };
}

/** Distinguishes the records of one element by their owner and kind. */
export function ownerMark(label: string, { kind, idleMs = 0 }: Which): number {
  const digest = Bun.SHA256.hash(`${label}\0${kind}\0${idleMs}`);
  return new DataView(digest.buffer).getUint32(0);
}
