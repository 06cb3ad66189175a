/** libmnl: netlink sockets. Messages are bytes of the caller's; nothing is parsed here. */

import { ptr } from "bun:ffi";
import type { Pointer } from "bun:ffi";
import type { OpError } from "../../core/errors.ts";
import { Errno } from "../errno.ts";
import { errno, failure } from "../libc.ts";
import { openLibrary } from "../library.ts";

const LIBMNL = {
  sonames: ["libmnl.so.0"],
  packages: "libmnl0 (Debian) or libmnl (Fedora, Alpine)",
} as const;

/** linux/netlink.h */
export const NETLINK_NETFILTER = 12;
/** linux/netlink.h: errors do not carry the failed message back. */
const NETLINK_CAP_ACK = 10;
/** linux/netlink.h: errors carry the kernel's own words. */
const NETLINK_EXT_ACK = 11;
/** linux/socket.h: SOCK_CLOEXEC | SOCK_NONBLOCK, the same values on x64 and arm64. */
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;

function load() {
  return openLibrary(LIBMNL, {
    mnl_socket_open2: {
      args: [
        "int", // int bus
        "int", // int flags
      ],
      returns: "ptr", // struct mnl_socket *
    },
    mnl_socket_bind: {
      args: [
        "ptr", // struct mnl_socket *nl
        "u32", // unsigned int groups
        "u32", // pid_t pid
      ],
      returns: "int",
    },
    mnl_socket_setsockopt: {
      args: [
        "ptr", // const struct mnl_socket *nl
        "int", // int type
        "ptr", // void *buf
        "u32", // socklen_t len
      ],
      returns: "int",
    },
    mnl_socket_get_fd: { args: ["ptr"], returns: "int" },
    mnl_socket_get_portid: { args: ["ptr"], returns: "u32" },
    mnl_socket_sendto: {
      args: [
        "ptr", // const struct mnl_socket *nl
        "ptr", // const void *req
        "u64", // size_t siz
      ],
      returns: "i32", // ssize_t; no datagram here is 2 GiB
    },
    mnl_socket_recvfrom: {
      args: [
        "ptr", // const struct mnl_socket *nl
        "ptr", // void *buf
        "u64", // size_t siz
      ],
      returns: "i32", // ssize_t; no datagram here is 2 GiB
    },
    mnl_socket_close: { args: ["ptr"], returns: "int" },
  }).symbols;
}

type Mnl = ReturnType<typeof load>;
let loaded: Mnl | undefined;

function refused(code: number, operation: string, object: string): OpError {
  const denied = code === Errno.EPERM || code === Errno.EACCES;
  return failure(code, {
    operation,
    object,
    remedy: denied
      ? "run as root or with the capability CAP_NET_ADMIN"
      : "run `sallyport doctor` to see what this machine lacks",
  });
}

/**
 * A non-blocking netlink socket. It belongs to the network namespace that the calling thread was
 * in when it was opened, and to one thread. Throws OpError naming the socket.
 */
export class NetlinkSocket implements Disposable {
  /** For poll(2). */
  readonly fd: number;
  /** What the kernel calls this socket; its own changes carry it in events. */
  readonly portId: number;
  readonly #mnl: Mnl;
  readonly #name: string;
  #socket: Pointer | null;

  /** @param groups bit mask of the old multicast groups: bit n−1 for group n; 0 for none. */
  constructor(bus: number, groups = 0) {
    this.#mnl = loaded ??= load();
    this.#name = `netlink socket ${bus}`;
    this.#socket = this.#mnl.mnl_socket_open2(bus, SOCK_CLOEXEC | SOCK_NONBLOCK) as Pointer | null;
    if (this.#socket === null) throw refused(errno(), "open", this.#name);
    if (this.#mnl.mnl_socket_bind(this.#socket, groups, 0) < 0) {
      const error = refused(errno(), "bind", this.#name);
      this.#mnl.mnl_socket_close(this.#socket);
      throw error;
    }
    this.fd = this.#mnl.mnl_socket_get_fd(this.#socket);
    this.portId = this.#mnl.mnl_socket_get_portid(this.#socket);
    // Both only make answers shorter or clearer, so a kernel without them does.
    this.setOption(NETLINK_CAP_ACK, 1);
    this.setOption(NETLINK_EXT_ACK, 1);
  }

  /** Sets a SOL_NETLINK option; answers whether the kernel knows it. */
  setOption(option: number, value: number): boolean {
    const memory = new Int32Array([value]);
    return this.#mnl.mnl_socket_setsockopt(this.#socket, option, ptr(memory), 4) === 0;
  }

  /** Sends `length` bytes at `address`; what they ask has been done when it returns, and answers wait. */
  send(address: Pointer, length: number): void {
    if (this.#mnl.mnl_socket_sendto(this.#socket, address, length) < 0) {
      throw refused(errno(), "send to", this.#name);
    }
  }

  /**
   * Fills up to `size` bytes at `address` with one datagram: its length, 0 when none waits, −1 when
   * the kernel had to discard some (ENOBUFS).
   */
  receive(address: Pointer, size: number): number {
    for (;;) {
      const got = this.#mnl.mnl_socket_recvfrom(this.#socket, address, size);
      if (got >= 0) return got;
      const code = errno();
      if (code === Errno.EAGAIN) return 0;
      if (code === Errno.ENOBUFS) return -1;
      if (code !== Errno.EINTR) throw refused(code, "read from", this.#name);
    }
  }

  [Symbol.dispose](): void {
    if (this.#socket === null) return;
    this.#mnl.mnl_socket_close(this.#socket);
    this.#socket = null;
  }
}
