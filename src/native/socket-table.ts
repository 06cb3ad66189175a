/** The sockets of this network namespace, as /proc/net/tcp, tcp6, udp and udp6 list them. */

import type { Address } from "../core/address.ts";
import { readProcNet, rowsOf } from "./proc-net.ts";

export interface Endpoint {
  /**
   * The address of the socket: IPv4 through an IPv6 socket is ::ffff:0:0/96 here. Listeners on such
   * an address are found by it; the wire carries IPv4 (`unmapped`).
   */
  readonly address: Address;
  readonly port: number;
}

export interface SocketRow {
  readonly local: Endpoint;
  readonly peer: Endpoint;
  /** "0" for a socket that no process holds any more; its `uid` then is 0, whoever made it. */
  readonly inode: string;
  readonly uid: number;
}

/** include/net/tcp_states.h, as the tables print them; an unconnected UDP socket is in CLOSE. */
export const SOCKET_STATE = {
  ESTABLISHED: "01",
  FIN_WAIT1: "04",
  FIN_WAIT2: "05",
  CLOSE: "07",
  CLOSE_WAIT: "08",
  LISTEN: "0A",
} as const;

export type SocketState = (typeof SOCKET_STATE)[keyof typeof SOCKET_STATE];

/** Empty where the kernel has no such table. */
export function readSockets(
  file: "tcp" | "tcp6" | "udp" | "udp6",
  states: readonly SocketState[],
): SocketRow[] {
  return parseSockets(readProcNet(file) ?? "", states);
}

/** The sockets in one of these states; other lines are ignored. */
export function parseSockets(text: string, states: readonly SocketState[]): SocketRow[] {
  return rowsOf(text).flatMap((row) => {
    const [, localText = "", peerText = "", state = "", , , , uid = "", , inode = ""] = row;
    if (!(states as readonly string[]).includes(state)) return [];
    const local = parseEndpoint(localText);
    const peer = parseEndpoint(peerText);
    if (local === undefined || peer === undefined) return [];
    return [{ local, peer, inode, uid: Number(uid) }];
  });
}

function parseEndpoint(text: string): Endpoint | undefined {
  const [, hex, portHex] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(text) ?? [];
  if (hex === undefined || portHex === undefined) return undefined;
  const port = Number.parseInt(portHex, 16);
  const word = (i: number) => hostWord(hex.slice(8 * i, 8 * i + 8));
  const address: Address =
    hex.length === 8
      ? { family: 4, a0: word(0), a1: 0, a2: 0, a3: 0 }
      : { family: 6, a0: word(0), a1: word(1), a2: word(2), a3: word(3) };
  return { address, port };
}

/** The kernel prints addresses as 32-bit words in host order; every target is little-endian. */
function hostWord(hex: string): number {
  const word = Number.parseInt(hex, 16);
  return (
    (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0
  );
}
