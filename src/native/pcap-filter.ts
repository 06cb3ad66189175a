/** BPF programs: compiled from text by libpcap, then attached to a capture or tested on frames. */

import { ptr } from "bun:ffi";
import { Errno } from "./errno.ts";
import { cString, type CPointer } from "./libc.ts";
import { libpcap, pcapFailure } from "./libpcap.ts";

/** pcap/pcap.h */
const PCAP_NETMASK_UNKNOWN = 0xffff_ffff;

/** `struct bpf_program { u_int bf_len; struct bpf_insn *bf_insns; }` */
const BPF_PROGRAM_BYTES = 16;

/** `struct pcap_pkthdr { struct timeval ts; bpf_u_int32 caplen, len; }` with 64-bit time */
const PKTHDR_BYTES = 24;

/** The largest length of a frame; only `matches` works with this length. */
const DEAD_SNAPLEN = 65_535;

/** A compiled program; libpcap owns the instructions until `close`. */
export class FilterProgram implements Disposable {
  readonly #program: Uint8Array;
  readonly #header = new Uint8Array(PKTHDR_BYTES);
  #open = true;

  private constructor(program: Uint8Array) {
    this.#program = program;
  }

  /** Compiles `expression` for frames of `handle`'s link type. Throws OpError quoting the expression. */
  static compile(handle: CPointer, expression: string): FilterProgram {
    const program = new Uint8Array(BPF_PROGRAM_BYTES);
    const source = cString(expression);
    const status = libpcap().pcap_compile(handle, program, source, 1, PCAP_NETMASK_UNKNOWN);
    if (status === 0) return new FilterProgram(program);
    throw pcapFailure(handle, status, {
      operation: "compile the filter",
      object: `"${expression}"`,
      code: Errno.EINVAL,
      remedy: "report this: the program wrote the filter itself",
    });
  }

  /** As `compile`, without an open capture. */
  static compileFor(linkType: number, expression: string): FilterProgram {
    const handle = libpcap().pcap_open_dead(linkType, DEAD_SNAPLEN)!;
    try {
      return FilterProgram.compile(handle, expression);
    } finally {
      libpcap().pcap_close(handle);
    }
  }

  /** Address of the `struct bpf_program`, valid until `close`. */
  get pointer(): CPointer {
    if (!this.#open) throw new TypeError("The filter program is closed");
    return ptr(this.#program);
  }

  /** The number of instructions, an upper bound of the cost of a frame. */
  get instructions(): number {
    return new DataView(this.#program.buffer).getUint32(0, true);
  }

  /** Runs the program on a frame, as the kernel would on a frame without offloaded VLAN tags. */
  matches(frame: Uint8Array): boolean {
    const header = new DataView(this.#header.buffer);
    header.setUint32(16, frame.length, true);
    header.setUint32(20, frame.length, true);
    return libpcap().pcap_offline_filter(this.pointer, this.#header, frame) !== 0;
  }

  close(): void {
    if (this.#open) libpcap().pcap_freecode(this.#program);
    this.#open = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
