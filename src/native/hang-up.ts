/** Whether there is still a peer at the other end of a descriptor. */

import { libc } from "./libc.ts";

/** poll.h: POLLERR 0x8 (a pipe without a reader), POLLHUP 0x10 (a terminal or socket), POLLNVAL 0x20 (closed). */
const GONE = 0x0038;

/** False for a descriptor without another end, such as a file. Does not wait. */
export function isHungUp(fd: number): boolean {
  // struct pollfd { int fd; short events; short revents; }: without events, only errors are
  // reported.
  const entry = new Int32Array([fd, 0]);
  return libc().poll(entry, 1, 0) > 0 && ((entry[1]! >>> 16) & GONE) !== 0;
}
