/** The grants that lose their basis when keys go. */

import type { Device, Removed } from "../api/control.ts";
import { whoOf } from "../config/names.ts";
import type { Grant } from "../core/grant.ts";
import { namesInSentence } from "../core/names-in-sentence.ts";
import { KeyTable } from "../rks/key-table.ts";

function keyOf(keys: KeyTable, user: string, device: string): Uint8Array | undefined {
  const row = keys.find(user, device);
  return row < 0 ? undefined : keys.key(row);
}

/** Whether a device had a key before, and now has none or another one. */
export function lostKey(before: KeyTable, now: KeyTable, user: string, device: string): boolean {
  const had = keyOf(before, user, device);
  const has = keyOf(now, user, device);
  return had !== undefined && (has === undefined || !Buffer.from(had).equals(has));
}

function named(what: string, devices: readonly Device[]): string[] {
  const names = devices.map(({ user, device }) => whoOf(user, device));
  return names.length === 0 ? [] : [`${what} ${namesInSentence(names)}`];
}

/** The devices whose keys came, went and were replaced, each in the order of its table. */
export interface KeyChange {
  readonly added: readonly Device[];
  readonly removed: readonly Device[];
  readonly replaced: readonly Device[];
}

export function keyChange(before: KeyTable, now: KeyTable): KeyChange {
  const added: Device[] = [];
  const replaced: Device[] = [];
  for (let row = 0; row < now.length; row++) {
    const { user, device } = now.at(row);
    if (before.find(user, device) < 0) added.push({ user, device });
    else if (lostKey(before, now, user, device)) replaced.push({ user, device });
  }
  const removed: Device[] = [];
  for (let row = 0; row < before.length; row++) {
    const { user, device } = before.at(row);
    if (now.find(user, device) < 0) removed.push({ user, device });
  }
  return { added, removed, replaced };
}

/** The change as a clause: "added alice/phone, removed bob"; "no change". */
export function describeKeyChange({ added, removed, replaced }: KeyChange): string {
  const told = [
    ...named("added", added),
    ...named("removed", removed),
    ...named("replaced the key of", replaced),
  ];
  return told.join(", ") || "no change";
}

/** Whether what this device opened has lost its basis. */
export type IsGone = (user: string, device: string) => boolean;

/**
 * Names devices that had a key before, and now have none or another one; of those in `removed` also
 * the ones without a key whose loss was read in between.
 */
export function lossOf(before: KeyTable, now: KeyTable, removed?: Removed): IsGone {
  const isMeant = isIn(removed);
  const wasRemoved: IsGone = (user, device) => isMeant(user, device) && now.find(user, device) < 0;
  return (user, device) => lostKey(before, now, user, device) || wasRemoved(user, device);
}

function isIn(removed: Removed | undefined): IsGone {
  return (user, device) => user === removed?.user && device === (removed.device ?? device);
}

/** Devices that had a key before, and now have none or another one; those in `removed` left out. */
export function lostBesides(before: KeyTable, now: KeyTable, removed?: Removed): Device[] {
  const change = keyChange(before, now);
  const isMeant = isIn(removed);
  return [...change.removed, ...change.replaced].filter(
    ({ user, device }) => !isMeant(user, device),
  );
}

/** The table without the devices in `removed`. */
export function withoutRemoved(keys: KeyTable, removed: Removed | undefined): KeyTable {
  if (removed === undefined) return keys;
  const isMeant = isIn(removed);
  const rows = Array.from({ length: keys.length }, (_, row) => keys.at(row));
  return KeyTable.from(rows.filter(({ user, device }) => !isMeant(user, device)));
}

/** Grants that such a device opened. */
export function grantsCutOff(grants: readonly Grant[], isGone: IsGone): Grant[] {
  return grants.filter(({ user, device = "" }) => user !== undefined && isGone(user, device));
}
