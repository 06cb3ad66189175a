/**
 * Sends one datagram to a unix socket, by path or by abstract name; Bun's own sockets cannot do
 * that.
 */

import { Errno } from "./errno.ts";
import { libcCalls } from "./libc-calls.ts";
import { errno, failure, libc } from "./libc.ts";

/** sys/socket.h, linux/un.h */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const UNIX_PATH_MAX = 108;

/**
 * `address` is a path, or "@name" for an abstract one (systemd's spelling). Never waits: a receiver
 * with a full queue loses the datagram. Throws OpError when it cannot be sent.
 */
export function sendUnixDatagram(address: string, text: string): void {
  const attempt = { operation: "send to", object: `the socket ${address}` };
  const target = socketAddress(address);
  if (target === undefined) {
    throw failure(Errno.EINVAL, { ...attempt, remedy: "name a path of at most 107 bytes" });
  }
  const fd = libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    throw failure(errno(), { ...attempt, remedy: "raise the limit of open files (ulimit -n)" });
  }
  const bytes = new TextEncoder().encode(text);
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  const sent = libcCalls().sendto(fd, bytes, bytes.length, flags, target, target.length);
  const code = sent < 0 ? errno() : 0;
  libc().close(fd);
  if (code !== 0) throw failure(code, { ...attempt, remedy: "see who should listen there" });
}

/** `struct sockaddr_un { sa_family_t sun_family; char sun_path[108]; }`, as long as it needs to be. */
function socketAddress(address: string): Uint8Array | undefined {
  const abstract = address.startsWith("@");
  const path = new TextEncoder().encode(abstract ? address.slice(1) : address);
  if (path.length === 0 || path.length + 1 > UNIX_PATH_MAX) return undefined;
  const bytes = new Uint8Array(2 + path.length + 1);
  bytes[0] = AF_UNIX; // the high byte is 0: both targets are little-endian
  bytes.set(path, abstract ? 3 : 2); // abstract: sun_path[0] is 0; a path ends with 0
  return bytes;
}
