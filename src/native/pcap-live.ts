/** A live capture: libpcap writes waiting frames into our memory, one call for each batch. */

import { CString, ptr } from "bun:ffi";
import { ExitCode, OpError } from "../core/errors.ts";
import { Errno } from "./errno.ts";
import { cString, libc, type CPointer } from "./libc.ts";
import {
  libpcap,
  PCAP_ERROR_IFACE_NOT_UP,
  PCAP_ERROR_NO_SUCH_DEVICE,
  PCAP_ERROR_PERM_DENIED,
  PCAP_ERRBUF_SIZE,
  pcapFailure,
  pcapMessage,
} from "./libpcap.ts";
import { FilterProgram } from "./pcap-filter.ts";

/** pcap/pcap.h */
const PCAP_D_IN = 1;

/** `struct pcap_sf_pkthdr`: seconds, microseconds, captured length, length on the wire, 32 bits each */
const RECORD_HEADER_BYTES = 16;

/** `struct pcap_stat { u_int ps_recv, ps_drop, ps_ifdrop; }` */
const STAT_WORDS = 3;

/** libpcap's name for all interfaces. */
const ANY = "any";

/** linux/if_packet.h */
const SOL_PACKET = 263;
const PACKET_IGNORE_OUTGOING = 23;

/** linux/sockios.h, linux/if.h */
const SIOCGIFINDEX = 0x8933;
const SIOCGIFFLAGS = 0x8913;
const IFF_UP = 0x1;
const IFNAMSIZ = 16;
/** `struct ifreq`: the name, then a union of 24 bytes with `int ifr_ifindex` and `short ifr_flags` in it */
const IFREQ_BYTES = 40;

/** stdio.h */
const SEEK_SET = 0;

/** pcap/dlt.h: cooked v1 and v2 */
const DLT_LINUX_SLL = 113;
const DLT_LINUX_SLL2 = 276;

/** How to open a capture. */
export interface LiveOptions {
  /** Bytes kept of each frame. */
  readonly snaplen: number;
  /** Kernel memory for waiting frames, in bytes. */
  readonly bufferBytes: number;
  /** The most frames of one `read`. */
  readonly batch: number;
  /** The BPF expression for a link type, called once the link type is known. */
  readonly filter: (linkType: number) => string;
}

/**
 * One open capture of inbound frames: immediate, non-blocking, not promiscuous. `any` and other
 * cooked captures are of version 2 where libpcap supports it.
 */
export class LiveCapture implements Disposable {
  readonly name: string;
  /** pcap_datalink(3) */
  readonly linkType: number;
  /** For poll(2); belongs to the capture. */
  readonly fd: number;
  /**
   * The result of the last `read`: records of a capture file in this machine's byte order, with
   * microseconds, from offset 0. The next `read` overwrites them.
   */
  readonly records: DataView;
  readonly #batch: number;
  readonly #stats = new Uint32Array(STAT_WORDS);
  /** A `FILE` on the memory of `records`, and the `pcap_dumper_t` that writes to it. */
  readonly #stream: CPointer;
  readonly #dumper: CPointer;
  /** 0 for `any` */
  readonly #index: number;
  #handle: CPointer | undefined;

  private constructor(name: string, handle: CPointer, options: LiveOptions) {
    this.name = name;
    this.#handle = handle;
    this.#batch = options.batch;
    this.linkType = libpcap().pcap_datalink(handle);
    this.fd = libpcap().pcap_get_selectable_fd(handle);
    this.#index = name === ANY ? 0 : interfaceIndex(this.fd, name);
    // A spare byte, because a stream on memory ends its output with a zero.
    const memory = new Uint8Array(options.batch * (RECORD_HEADER_BYTES + options.snaplen) + 1);
    this.records = new DataView(memory.buffer);
    const mode = cString("w");
    this.#stream = libc().fmemopen(memory, memory.length, mode)!;
    this.#dumper = libpcap().pcap_dump_fopen(handle, this.#stream)!;
  }

  /**
   * Opens the interface `name` of the calling thread's network namespace. Throws OpError: ENODEV
   * for an unknown name, ENETDOWN where it is down, EPERM without CAP_NET_RAW.
   */
  static open(name: string, options: LiveOptions): LiveCapture {
    const pcap = libpcap();
    const message = new Uint8Array(PCAP_ERRBUF_SIZE);
    const device = cString(name);
    const handle = pcap.pcap_create(device, message);
    if (handle === null) throw openFailure(name, 0, new CString(ptr(message)));
    try {
      pcap.pcap_set_snaplen(handle, options.snaplen);
      pcap.pcap_set_promisc(handle, 0);
      pcap.pcap_set_immediate_mode(handle, 1);
      pcap.pcap_set_buffer_size(handle, options.bufferBytes);
      check(handle, name, pcap.pcap_activate(handle));
      if (pcap.pcap_datalink(handle) === DLT_LINUX_SLL) {
        pcap.pcap_set_datalink(handle, DLT_LINUX_SLL2); // libpcap before 1.10 refuses
      }
      ignoreOutgoing(pcap.pcap_get_selectable_fd(handle));
      const expression = options.filter(pcap.pcap_datalink(handle));
      using program = FilterProgram.compile(handle, expression);
      check(handle, name, pcap.pcap_setfilter(handle, program.pointer));
      check(handle, name, pcap.pcap_setdirection(handle, PCAP_D_IN));
      check(handle, name, pcap.pcap_setnonblock(handle, 1, message));
      return new LiveCapture(name, handle, options);
    } catch (error) {
      pcap.pcap_close(handle);
      throw error;
    }
  }

  /**
   * Moves at most `most` waiting frames (never more than the batch) into `records`. Returns how
   * many, 0 when none waits. Throws OpError ENETDOWN when libpcap gave up the interface. From 1.10
   * on, libpcap keeps an interface that is only down and continues when it is up again.
   */
  read(most: number): number {
    const handle = this.#opened();
    const pcap = libpcap();
    libc().fseek(this.#stream, 0, SEEK_SET);
    const count = Math.min(most, this.#batch);
    const frames = pcap.pcap_dispatch(handle, count, pcap.pcap_dump, this.#dumper);
    if (frames < 0) {
      throw pcapFailure(handle, frames, {
        operation: "read from",
        object: this.name,
        code: Errno.ENETDOWN,
        remedy: "bring the interface back, the capture is opened again by itself",
      });
    }
    if (frames > 0) pcap.pcap_dump_flush(this.#dumper);
    return frames;
  }

  /**
   * Frames that the filter passed, including lost ones, and lost ones. Both have 32 bits and wrap.
   */
  counts(): { passed: number; lost: number } {
    const handle = this.#opened();
    const status = libpcap().pcap_stats(handle, this.#stats);
    if (status < 0) {
      throw pcapFailure(handle, status, {
        operation: "count the drops of",
        object: this.name,
        code: Errno.ENETDOWN,
        remedy: "bring the interface back, the capture is opened again by itself",
      });
    }
    return { passed: this.#stats[0]!, lost: this.#stats[1]! };
  }

  /**
   * Whether the interface was deleted or renamed since the capture was opened, even if another has
   * its name now. The kernel does not tell the descriptor when it deletes an interface that is
   * down.
   */
  get isGone(): boolean {
    this.#opened();
    return this.name !== ANY && interfaceIndex(this.fd, this.name) !== this.#index;
  }

  /** Whether the interface exists and somebody has set it down; never for `any`. */
  get isDown(): boolean {
    this.#opened();
    if (this.name === ANY) return false;
    const asked = askAbout(this.fd, this.name, SIOCGIFFLAGS);
    return asked !== undefined && (asked.getInt16(IFNAMSIZ, true) & IFF_UP) === 0;
  }

  /** Returns the kernel's memory. A closed capture allows only another `close`. */
  close(): void {
    if (this.#handle === undefined) return;
    libpcap().pcap_dump_close(this.#dumper);
    libpcap().pcap_close(this.#handle);
    this.#handle = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #opened(): CPointer {
    // libpcap would use the address of freed memory.
    if (this.#handle === undefined) throw new TypeError(`The capture of ${this.name} is closed`);
    return this.#handle;
  }
}

/**
 * Keeps this machine's outgoing packets out of the buffer: a name server answers to ports of the
 * range all day. Before Linux 4.20 the kernel refuses; then `pcap_setdirection` drops them after
 * they took room. The filter word `inbound` would not do: libpcap itself runs the filter on the
 * first frame, cannot see the direction there, and loses that frame.
 */
function ignoreOutgoing(fd: number): void {
  const one = new Int32Array([1]);
  libc().setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, one, one.byteLength);
}

/** The index of an interface in the network namespace of the socket `fd`; 0 where there is none. */
function interfaceIndex(fd: number, name: string): number {
  return askAbout(fd, name, SIOCGIFINDEX)?.getInt32(IFNAMSIZ, true) ?? 0;
}

/** The kernel's `struct ifreq` about an interface in the network namespace of the socket `fd`. */
function askAbout(fd: number, name: string, operation: number): DataView | undefined {
  const request = new Uint8Array(IFREQ_BYTES);
  request.set(new TextEncoder().encode(name).subarray(0, IFNAMSIZ - 1));
  if (libc().ioctl(fd, operation, request) < 0) return undefined;
  return new DataView(request.buffer);
}

/** A status above 0 is a warning: the capture works. */
function check(handle: CPointer, name: string, status: number): void {
  if (status < 0) throw openFailure(name, status, pcapMessage(handle, status));
}

function openFailure(name: string, status: number, detail: string): OpError {
  const failure = { operation: "capture on", object: name };
  switch (status) {
    case PCAP_ERROR_NO_SUCH_DEVICE:
      return new OpError({
        ...failure,
        detail: "no such interface",
        code: Errno.ENODEV,
        remedy: "name one that exists, ip link lists them",
      });
    case PCAP_ERROR_PERM_DENIED:
      return new OpError({
        ...failure,
        detail: "not permitted",
        code: Errno.EPERM,
        remedy: "run as root or grant CAP_NET_RAW (AmbientCapabilities=CAP_NET_RAW in the unit)",
        exitCode: ExitCode.privilege,
      });
    case PCAP_ERROR_IFACE_NOT_UP:
      return new OpError({
        ...failure,
        detail: "the interface is down",
        code: Errno.ENETDOWN,
        remedy: `bring it up (ip link set ${name} up)`,
      });
    default:
      return new OpError({
        ...failure,
        detail,
        code: 0,
        remedy: "see what tcpdump says on this interface",
      });
  }
}
