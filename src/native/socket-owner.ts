/** Whose program is at the other end of a TCP connection within this machine. */

import { type Address, addressBytes, parseAddress, unmapped } from "../core/address.ts";
import { OpError } from "../core/errors.ts";
import { diagnoseSocket, type SocketEnds } from "./netlink/inet-diag.ts";
import { NETLINK_SOCK_DIAG, NetlinkSocket } from "./netlink/socket.ts";
import { readProcNet } from "./proc-net.ts";
import { parseSockets, SOCKET_STATE } from "./socket-table.ts";

/** One end of a connection, as the runtime names it. */
export interface NamedEndpoint {
  readonly address: string;
  readonly port: number;
}

/** The states of an end that its program may still hold: it may have ended what it says. */
const HELD = [
  SOCKET_STATE.ESTABLISHED,
  SOCKET_STATE.FIN_WAIT1,
  SOCKET_STATE.FIN_WAIT2,
  SOCKET_STATE.CLOSE_WAIT,
] as const;

/** ::ffff:0:0/96 in the table of IPv6. */
const MAPPED = "0000000000000000FFFF0000";

/** The loopback has this number in every network namespace; a program may have bound its socket to it. */
const LOOPBACK_INDEX = 1;

/** An address as it is on the wire; undefined for text that is none. */
function wireAddress(text: string): Address | undefined {
  const named = parseAddress(text);
  return named && unmapped(named);
}

/** Whether this kernel has answered a question about a socket: then no answer means that there is none. */
let answers = false;

/**
 * Asks about one socket, in some microseconds. "unsaid" where this kernel does not answer, or a sandbox does not let
 * us ask.
 */
function ask(theirs: SocketEnds): number | undefined | "unsaid" {
  try {
    using socket = new NetlinkSocket(NETLINK_SOCK_DIAG);
    const found = diagnoseSocket(socket, theirs, LOOPBACK_INDEX);
    if (found === undefined) return answers ? undefined : "unsaid";
    answers = true;
    const held = HELD.some((state) => Number.parseInt(state, 16) === found.state);
    return held && found.inode !== 0 ? found.uid : undefined;
  } catch (error) {
    if (error instanceof OpError) return "unsaid";
    throw error;
  }
}

/** An end as the kernel prints it: 32-bit words in host order, which is little-endian on every target. */
function printed(address: Address, port: number): string {
  const words = Buffer.from(addressBytes(address)).swap32().toString("hex").toUpperCase();
  return `${words}:${port.toString(16).toUpperCase().padStart(4, "0")}`;
}

/**
 * Looks into the tables of all sockets, of which the kernel takes milliseconds to print even an empty one. Reads the
 * line of this connection alone: others may have many thousands.
 */
function lookUp({ local, localPort, peer, peerPort }: SocketEnds): number | undefined {
  const [from, to] = [printed(local, localPort), printed(peer, peerPort)];
  const pairs = [
    [local.family === 4 ? "tcp" : "tcp6", `${from} ${to} `],
    ...(local.family === 4 ? [["tcp6", `${MAPPED}${from} ${MAPPED}${to} `] as const] : []),
  ] as const;
  for (const [file, ends] of pairs) {
    const table = readProcNet(file) ?? "";
    const at = table.indexOf(` ${ends}`);
    if (at < 0) continue;
    const line = table.slice(table.lastIndexOf("\n", at) + 1, table.indexOf("\n", at));
    const [found] = parseSockets(line, HELD);
    if (found !== undefined && found.inode !== "0") return found.uid;
  }
  return undefined;
}

/**
 * The user whose program holds the socket at `theirs` that is connected to `ours`. Undefined where it is
 * not of this machine, or no program holds it any more: the kernel would call it root's.
 */
export function ownerOfPeer(theirs: NamedEndpoint, ours: NamedEndpoint): number | undefined {
  const local = wireAddress(theirs.address);
  const peer = wireAddress(ours.address);
  if (local === undefined || peer?.family !== local.family) return undefined;
  const ends = { local, localPort: theirs.port, peer, peerPort: ours.port };
  const said = ask(ends);
  return said === "unsaid" ? lookUp(ends) : said;
}
