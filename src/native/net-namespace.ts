/** Network namespaces: the one that the calling thread is in. */

import { cString, errno, failure, libc } from "./libc.ts";

/** fcntl.h */
const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;

/** linux/sched.h */
const CLONE_NEWNET = 0x4000_0000;

/**
 * Moves the calling thread, and only it, into the namespace at `path` ("/run/netns/server",
 * "/proc/1/ns/net"); disposing of the result moves it back. Sockets stay where they were opened,
 * and child processes start where the thread is. Needs CAP_SYS_ADMIN.
 */
export function enterNamespace(path: string): Disposable {
  const before = openNamespace("/proc/thread-self/ns/net");
  try {
    const target = openNamespace(path);
    try {
      moveTo(target, path);
    } finally {
      libc().close(target);
    }
  } catch (error) {
    libc().close(before);
    throw error;
  }
  let inside = true;
  return {
    [Symbol.dispose]() {
      if (!inside) return;
      inside = false;
      moveTo(before, "of before");
      libc().close(before);
    },
  };
}

function openNamespace(path: string): number {
  const name = cString(path);
  const fd = libc().open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw namespaceFailure(errno(), path);
  return fd;
}

function moveTo(fd: number, path: string): void {
  if (libc().setns(fd, CLONE_NEWNET) < 0) throw namespaceFailure(errno(), path);
}

function namespaceFailure(code: number, path: string) {
  return failure(code, {
    operation: "enter the network namespace",
    object: path,
    remedy: "name one that exists (ip netns list) and run as root",
  });
}
