/** Netlink sockets: bytes to the kernel, datagrams back. */

import type { OpError } from "../../core/errors.ts";
import { shortageRemedy } from "../../core/system-error.ts";
import { Errno, errnoName } from "../errno.ts";
import { libcCalls } from "../libc-calls.ts";
import { errno, failure, libc } from "../libc.ts";

/** linux/netlink.h */
export const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;
export const NETLINK_NETFILTER = 12;
const SOL_NETLINK = 270;
/** Errors do not return the failed message. */
const NETLINK_CAP_ACK = 10;
/** Errors carry the kernel's own words. */
const NETLINK_EXT_ACK = 11;
/** The kernel obeys the filter of a dump; before Linux 4.20 it sends everything. */
export const NETLINK_GET_STRICT_CHK = 12;
/** sys/socket.h; the flags are the same on x64 and arm64. */
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
/** asm-generic/socket.h, the same on x64 and arm64 */
export const SOL_SOCKET = 1;

/** The kernel fills datagrams of dumps with at most 32 KiB. */
const DATAGRAM_BYTES = 65_536;

const BUS_NAMES: Readonly<Record<number, string>> = {
  [NETLINK_ROUTE]: "route",
  [NETLINK_SOCK_DIAG]: "sock_diag",
  [NETLINK_NETFILTER]: "netfilter",
};

function refused(code: number, operation: string, object: string): OpError {
  const denied = code === Errno.EPERM || code === Errno.EACCES;
  return failure(code, {
    operation,
    object,
    remedy: denied
      ? "run as root or with the capability CAP_NET_ADMIN"
      : (shortageRemedy(errnoName(code)) ??
        "run `sallyport doctor` to see what this machine lacks"),
  });
}

/**
 * A non-blocking netlink socket with memory for one datagram. It belongs to the network namespace that
 * the calling thread was in when it was opened, and to one thread. Throws OpError naming the socket.
 */
export class NetlinkSocket implements Disposable {
  /** For poll(2). */
  readonly fd: number;
  /** The kernel's id for this socket; events about its changes carry it. */
  readonly portId: number;
  readonly #bytes = new Uint8Array(DATAGRAM_BYTES);
  /** The last datagram from `receive`, from offset 0 on. */
  readonly view = new DataView(this.#bytes.buffer);
  readonly #name: string;
  #sequence = 0;
  #closed = false;

  /** @param groups bit mask of the old multicast groups: bit n−1 for group n; 0 for none. */
  constructor(bus: number, groups = 0) {
    this.#name = `a netlink socket (${BUS_NAMES[bus] ?? bus})`;
    this.fd = libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, bus);
    if (this.fd < 0) throw refused(errno(), "open", this.#name);
    // struct sockaddr_nl { u16 nl_family, nl_pad; u32 nl_pid, nl_groups; }; the kernel picks nl_pid
    const address = new Uint32Array([AF_NETLINK, 0, groups]);
    const length = new Uint32Array([address.byteLength]);
    if (
      libc().bind(this.fd, address, address.byteLength) < 0 ||
      libcCalls().getsockname(this.fd, address, length) < 0
    ) {
      const code = errno();
      this.close();
      throw refused(code, "bind", this.#name);
    }
    this.portId = address[1]!;
    // Both only make replies shorter or clearer, so a kernel without them is fine.
    this.setOption(NETLINK_CAP_ACK, 1);
    this.setOption(NETLINK_EXT_ACK, 1);
  }

  /** Sets an option of SOL_NETLINK, or of `level`. Returns whether the kernel accepted it. */
  setOption(option: number, value: number, level = SOL_NETLINK): boolean {
    const memory = new Int32Array([value]);
    return libc().setsockopt(this.fd, level, option, memory, memory.byteLength) === 0;
  }

  /** The number of the next message; it wraps from 2³² − 1 to 0. */
  nextSequence(): number {
    this.#sequence = (this.#sequence + 1) >>> 0;
    return this.#sequence;
  }

  /**
   * Sends the first `length` bytes. When it returns, the kernel has done the work and replies wait.
   */
  send(bytes: Uint8Array, length: number): void {
    if (libc().send(this.fd, bytes, length, 0) < 0) {
      throw refused(errno(), "send to", this.#name);
    }
  }

  /**
   * Takes one datagram into `view` and returns its length: 0 when none waits, −1 when the kernel
   * had to discard some (ENOBUFS).
   */
  receive(): number {
    for (;;) {
      const got = libc().recv(this.fd, this.#bytes, DATAGRAM_BYTES, 0);
      if (got >= 0) return got;
      const code = errno();
      if (code === Errno.EAGAIN) return 0;
      if (code === Errno.ENOBUFS) return -1;
      if (code !== Errno.EINTR) throw refused(code, "read from", this.#name);
    }
  }

  /** Throws away all waiting datagrams: replies to earlier messages, and a dump to its end. */
  discard(): void {
    while (this.receive() !== 0);
  }

  close(): void {
    if (!this.#closed) libc().close(this.fd);
    this.#closed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
