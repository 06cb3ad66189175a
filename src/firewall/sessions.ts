/** Living TCP sessions on guarded ports: read from /proc, entered into the tracking table. */

import { readFileSync } from "node:fs";
import type { Address } from "../core/address.ts";
import type { PortRange } from "../core/port.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "../native/netlink/socket.ts";
import { Conntrack } from "./conntrack.ts";

/** A TCP connection between this machine and a peer. */
export interface Session {
  readonly local: Address;
  readonly localPort: number;
  readonly peer: Address;
  readonly peerPort: number;
}

/**
 * include/net/tcp_states.h: ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT: either side may still
 * send.
 */
const LIVING = new Set(["01", "04", "05", "08"]);

/** The kernel prints addresses as 32-bit words in host order. */
function hostWord(hex: string): number {
  const word = Number.parseInt(hex, 16);
  return (
    (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0
  );
}

function parseEndpoint(text: string): { address: Address; port: number } | undefined {
  const [hex = "", port = ""] = text.split(":");
  const words = hex.match(/.{8}/g)?.map(hostWord) ?? [];
  const [a0 = 0, a1 = 0, a2 = 0, a3 = 0] = words;
  const number = Number.parseInt(port, 16);
  if (words.length === 1) {
    return { address: { family: 4, a0, a1: 0, a2: 0, a3: 0 }, port: number };
  }
  if (words.length !== 4) return undefined;
  // IPv4 through an IPv6 socket: the wire carries IPv4.
  const mapped = a0 === 0 && a1 === 0 && a2 === 0xffff;
  const address: Address = mapped
    ? { family: 4, a0: a3, a1: 0, a2: 0, a3: 0 }
    : { family: 6, a0, a1, a2, a3 };
  return { address, port: number };
}

/** The living sessions in the text of /proc/net/tcp or tcp6; other lines are ignored. */
export function parseSessions(text: string): Session[] {
  return text.split("\n").flatMap((line) => {
    const [, localText = "", peerText = "", state = ""] = line.trim().split(/\s+/);
    if (!LIVING.has(state)) return [];
    const local = parseEndpoint(localText);
    const peer = parseEndpoint(peerText);
    if (local === undefined || peer === undefined) return [];
    return [
      { local: local.address, localPort: local.port, peer: peer.address, peerPort: peer.port },
    ];
  });
}

function readSessions(name: "tcp" | "tcp6"): Session[] {
  try {
    // The thread's own file: the thread may be in another network namespace than its process.
    return parseSessions(readFileSync(`/proc/thread-self/net/${name}`, "utf8"));
  } catch {
    return []; // a kernel without IPv6 has no tcp6
  }
}

/** The sessions with services of this machine on guarded TCP ports. */
export function livingSessions(guarded: readonly PortRange[]): Session[] {
  const isGuarded = (port: number) =>
    guarded.some(({ proto, from, to }) => proto === "tcp" && from <= port && port <= to);
  return [...readSessions("tcp"), ...readSessions("tcp6")].filter(({ localPort }) =>
    isGuarded(localPort),
  );
}

/**
 * Enters the living sessions on guarded TCP ports into the tracking table. Returns how many it did
 * not know. Call it before the guard is loaded: without tracking, the next packet of an old session
 * would count as new and be denied. Throws OpError when the kernel refuses.
 */
export function adoptSessions(guarded: readonly PortRange[]): number {
  using socket = new NetlinkSocket(NETLINK_NETFILTER);
  const conntrack = new Conntrack(socket);
  return livingSessions(guarded).filter((session) => conntrack.insertSession(session)).length;
}
