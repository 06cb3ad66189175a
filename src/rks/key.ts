/** Keys: a device's master secret, the key it has on one server, and the names that go into derivations. */

import { hmac } from "./mac.ts";

/** Bytes of `K`, the key of one device on one server. */
export const KEY_BYTES = 32;

/** Bytes of a master secret made here; RKS1 accepts 16 or more. */
export const MASTER_BYTES = 32;

const SERVER_NAME = /^[a-z0-9.-]{1,253}$/;
const DOOR_NAME = /^[a-z0-9-]{1,63}$/;

/** `M`: fresh random bytes from the system. */
export function newMaster(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(MASTER_BYTES));
}

/** `K = HMAC-SHA-256(M, "RKS1" 00 "server" 00 server-name)`; a server keeps this and never sees `M`. */
export function serverKey(master: Uint8Array, serverName: string): Uint8Array {
  return hmac(master, new TextEncoder().encode(`RKS1\0server\0${serverName}`));
}

export function isServerName(text: string): boolean {
  return SERVER_NAME.test(text);
}

export function isDoorName(text: string): boolean {
  return DOOR_NAME.test(text);
}
