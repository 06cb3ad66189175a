/** Sockets that listen on this machine, from /proc, with the names of their processes where they show. */

import { readdirSync, readFileSync } from "node:fs";
import { type Address, addressFromBytes } from "../core/address.ts";
import type { Proto } from "../core/port.ts";
import { descriptorsOf } from "../native/descriptors-of.ts";

export interface ListeningSocket {
  readonly proto: Proto;
  /** All zero: every address. */
  readonly address: Address;
  readonly port: number;
  readonly inode: string;
}

/** include/net/tcp_states.h: TCP_LISTEN; an unconnected UDP socket says TCP_CLOSE. */
const LISTENS: Record<Proto, string> = { tcp: "0A", udp: "07" };

/** The listening sockets in the text of /proc/net/tcp, tcp6, udp or udp6. */
export function parseListening(text: string, proto: Proto): ListeningSocket[] {
  return text.split("\n").flatMap((line) => {
    const [, local = "", , state = "", , , , , , inode = ""] = line.trim().split(/\s+/);
    const [hex = "", port = ""] = local.split(":");
    if (state !== LISTENS[proto] || !/^([0-9A-F]{8}|[0-9A-F]{32})$/.test(hex)) return [];
    // The kernel prints addresses as 32-bit words in host order; every target is little-endian.
    const words = hex.match(/.{8}/g) ?? [];
    const bytes = Buffer.concat(words.map((word) => Uint8Array.fromHex(word).toReversed()));
    const address = addressFromBytes(bytes);
    return [{ proto, address, port: Number.parseInt(port, 16), inode }];
  });
}

export function readListening(): ListeningSocket[] {
  return (["tcp", "tcp6", "udp", "udp6"] as const).flatMap((file) => {
    try {
      // Of the thread: it may have entered another network namespace than its process.
      const text = readFileSync(`/proc/thread-self/net/${file}`, "utf8");
      return parseListening(text, file.startsWith("tcp") ? "tcp" : "udp");
    } catch {
      return []; // a kernel without IPv6 has no tcp6
    }
  });
}

/** The names of the processes that hold these sockets, by inode; those this user may not see are absent. */
export function processNames(inodes: ReadonlySet<string>): Map<string, string> {
  const names = new Map<string, string>();
  if (inodes.size === 0) return names;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
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
