/** What kind of socket a descriptor is, and which process made the other end of it. */

import { readFileSync } from "node:fs";
import { libcCalls } from "./libc-calls.ts";

/** asm-generic/socket.h */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_DOMAIN = 39;

/** bits/socket.h */
const AF_UNIX = 1;

/** Undefined where the descriptor is no socket, or has no such option. */
function option(fd: number, name: number, length: number): Int32Array | undefined {
  const value = new Int32Array(length);
  const size = new Uint32Array([value.byteLength]);
  const failed = libcCalls().getsockopt(fd, SOL_SOCKET, name, value, size) !== 0;
  return failed ? undefined : value;
}

/** Whether a descriptor is a unix socket. */
export function isUnixSocket(fd: number): boolean {
  return option(fd, SO_DOMAIN, 1)?.[0] === AF_UNIX;
}

/**
 * The name of the program (as `ps` shows it, 15 bytes) that made the other end of a unix socket; undefined
 * where it has ended, or cannot be seen from here.
 */
export function peerProgram(fd: number): string | undefined {
  // struct ucred { pid_t pid; uid_t uid; gid_t gid; }
  const [pid = 0] = option(fd, SO_PEERCRED, 3) ?? [];
  if (pid === 0) return undefined;
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return undefined;
  }
}
