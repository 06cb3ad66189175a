/** Network namespaces: which one the calling thread is in. */

import { errno, cString, failure, libc } from "./libc.ts";

/** fcntl.h */
const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;

/** linux/sched.h */
const CLONE_NEWNET = 0x4000_0000;

/**
 * Moves the calling thread, and only it, into the namespace at `path` ("/run/netns/server",
 * "/proc/1/ns/net"). Sockets opened before stay where they are. Needs CAP_SYS_ADMIN.
 */
export function enterNamespace(path: string): void {
  const attempt = {
    operation: "enter the network namespace",
    object: path,
    remedy: "name one that exists (ip netns list) and run as root",
  };
  const name = cString(path);
  const fd = libc().open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw failure(errno(), attempt);
  const result = libc().setns(fd, CLONE_NEWNET);
  const code = result < 0 ? errno() : 0;
  libc().close(fd);
  if (result < 0) throw failure(code, attempt);
}
