/** A lock that holds in one network namespace and cannot be left behind: an abstract unix address. */

import { Errno } from "./errno.ts";
import { errno, failure, libc } from "./libc.ts";
import { libcCalls } from "./libc-calls.ts";

/** sys/socket.h, linux/un.h */
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const UNIX_PATH_MAX = 108;
/** asm-generic/socket.h, the same on x64 and arm64; `struct ucred { pid_t pid; uid_t uid; gid_t gid; }` */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const ROOT = 0;

/** Holds the name until `close`, or until the process ends in whatever way. */
export interface AbstractClaim extends Disposable {
  /**
   * The user who holds the name in our place. Anybody may bind an abstract address, so a stranger's hold
   * must not keep us out; but then nobody else is kept out by us either.
   */
  readonly squatter?: number;
  close(): void;
}

function addressOf(name: string): Uint8Array {
  const path = new TextEncoder().encode(name);
  // struct sockaddr_un { sa_family_t sun_family; char sun_path[108]; }, sun_path[0] = 0: abstract
  if (path.length > UNIX_PATH_MAX - 1) {
    throw failure(Errno.EINVAL, {
      operation: "claim the socket",
      object: `@${name}`,
      remedy: "choose a shorter name",
    });
  }
  const address = new Uint8Array(2 + 1 + path.length);
  address[0] = AF_UNIX;
  address.set(path, 3);
  return address;
}

function openSocket(name: string, flags: number): number {
  const fd = libc().socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (fd >= 0) return fd;
  throw failure(errno(), {
    operation: "claim the socket",
    object: `@${name}`,
    remedy: "raise the limit of open files (ulimit -n)",
  });
}

/**
 * The user whose process listens on the abstract address `name` in the calling thread's network
 * namespace, as the kernel wrote it down when it began to; undefined when nobody listens.
 */
export function abstractHolder(name: string): number | undefined {
  const fd = openSocket(name, SOCK_NONBLOCK);
  try {
    const address = addressOf(name);
    if (libcCalls().connect(fd, address, address.length) < 0) return undefined;
    const credentials = new Uint32Array(3);
    const length = new Uint32Array([credentials.byteLength]);
    const status = libcCalls().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length);
    return status < 0 ? undefined : credentials[1];
  } finally {
    libc().close(fd);
  }
}

/** Whether a process of root or of our own user listens there. */
export function isHeldByOurs(name: string, uid = process.geteuid?.() ?? ROOT): boolean {
  const holder = abstractHolder(name);
  return holder === ROOT || (holder !== undefined && holder === uid);
}

/**
 * Claims the abstract address `name` in the calling thread's network namespace; undefined when root or
 * our own user holds it. Abstract addresses are per namespace and vanish with their socket, so two
 * guards of the same table cannot run, and none is kept out by a dead one's lock file.
 */
export function claimAbstractSocket(name: string): AbstractClaim | undefined {
  const address = addressOf(name);
  const fd = openSocket(name, 0);
  let held = true;
  const close = () => {
    if (held) libc().close(fd);
    held = false;
  };
  if (libc().bind(fd, address, address.length) >= 0 && libcCalls().listen(fd, 8) >= 0) {
    return { close, [Symbol.dispose]: close };
  }
  const code = errno();
  close();
  if (code !== Errno.EADDRINUSE) {
    throw failure(code, { operation: "claim the socket", object: `@${name}`, remedy: "see dmesg" });
  }
  if (isHeldByOurs(name)) return undefined;
  return { squatter: abstractHolder(name) ?? -1, close, [Symbol.dispose]: close };
}
