/** A lock that holds in one network namespace and cannot be left behind: an abstract unix address. */

import { Errno } from "./errno.ts";
import { errno, failure, libc } from "./libc.ts";

/** sys/socket.h, linux/un.h */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const UNIX_PATH_MAX = 108;

/** Holds the name until `close`, or until the process ends in whatever way. */
export interface AbstractClaim extends Disposable {
  close(): void;
}

/**
 * Claims the abstract address `name` in the calling thread's network namespace; undefined when
 * another socket holds it. Abstract addresses are per namespace and vanish with their socket, so two
 * guards of the same table cannot run, and none is kept out by a dead one's lock file.
 */
export function claimAbstractSocket(name: string): AbstractClaim | undefined {
  const attempt = {
    operation: "claim the socket",
    object: `@${name}`,
    remedy: "choose a shorter name",
  };
  const path = new TextEncoder().encode(name);
  // struct sockaddr_un { sa_family_t sun_family; char sun_path[108]; }, sun_path[0] = 0: abstract
  if (path.length > UNIX_PATH_MAX - 1) throw failure(Errno.EINVAL, attempt);
  const address = new Uint8Array(2 + 1 + path.length);
  address[0] = AF_UNIX;
  address.set(path, 3);

  const fd = libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    throw failure(errno(), { ...attempt, remedy: "raise the limit of open files (ulimit -n)" });
  }
  if (libc().bind(fd, address, address.length) < 0) {
    const code = errno();
    libc().close(fd);
    if (code === Errno.EADDRINUSE) return undefined;
    throw failure(code, attempt);
  }
  let held = true;
  const close = () => {
    if (held) libc().close(fd);
    held = false;
  };
  return { close, [Symbol.dispose]: close };
}
