/**
 * Listening sockets of this machine, from /proc, with the names of their processes where they are
 * visible.
 */

import { readFileSync } from "node:fs";
import type { Address } from "../core/address.ts";
import type { Proto } from "../core/port.ts";
import { descriptorsOf, processIds } from "../native/descriptors-of.ts";
import { readSockets, SOCKET_STATE } from "../native/socket-table.ts";

export interface ListeningSocket {
  readonly proto: Proto;
  /** All zero: every address. */
  readonly address: Address;
  readonly port: number;
  readonly inode: string;
}

const LISTENS = { tcp: [SOCKET_STATE.LISTEN], udp: [SOCKET_STATE.CLOSE] } as const;

export function readListening(): ListeningSocket[] {
  return (["tcp", "tcp6", "udp", "udp6"] as const).flatMap((file) => {
    const proto = file.startsWith("tcp") ? "tcp" : "udp";
    const rows = readSockets(file, LISTENS[proto]);
    return rows.map(({ local, inode }) => ({ proto, ...local, inode }));
  });
}

/**
 * The names of the processes that hold these sockets, by inode; processes that this user may not
 * see are absent.
 */
export function processNames(inodes: ReadonlySet<string>): Map<string, string> {
  const names = new Map<string, string>();
  if (inodes.size === 0) return names;
  for (const pid of processIds()) {
    for (const target of descriptorsOf(pid)) {
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode === undefined || !inodes.has(inode) || names.has(inode)) continue;
      names.set(inode, commandOf(pid));
    }
  }
  return names;
}

function commandOf(pid: string): string {
  try {
    return `${readFileSync(`/proc/${pid}/comm`, "utf8").trim()} (pid ${pid})`;
  } catch {
    return `pid ${pid}`;
  }
}
