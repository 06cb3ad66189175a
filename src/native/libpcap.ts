/** libpcap: its functions, opened on first use, and the one place that turns its codes into errors. */

import { CString } from "bun:ffi";
import { OpError, type OpFailure } from "../core/errors.ts";
import { cString, type CPointer } from "./libc.ts";
import { openLibrary } from "./library.ts";
import { loader } from "./loader.ts";

/** pcap/pcap.h */
export const PCAP_ERRBUF_SIZE = 256;
export const PCAP_ERROR_NO_SUCH_DEVICE = -5;
export const PCAP_ERROR_PERM_DENIED = -8;
export const PCAP_ERROR_IFACE_NOT_UP = -9;

const SYMBOLS = {
  pcap_create: {
    args: [
      "ptr", // const char *source
      "ptr", // char *errbuf
    ],
    returns: "ptr", // pcap_t *
  },
  pcap_set_snaplen: {
    args: [
      "ptr", // pcap_t *p
      "i32", // int snaplen
    ],
    returns: "i32", // int
  },
  pcap_set_promisc: {
    args: [
      "ptr", // pcap_t *p
      "i32", // int promisc
    ],
    returns: "i32", // int
  },
  pcap_set_immediate_mode: {
    args: [
      "ptr", // pcap_t *p
      "i32", // int immediate_mode
    ],
    returns: "i32", // int
  },
  pcap_set_buffer_size: {
    args: [
      "ptr", // pcap_t *p
      "i32", // int buffer_size
    ],
    returns: "i32", // int
  },
  pcap_activate: {
    args: [
      "ptr", // pcap_t *p
    ],
    returns: "i32", // int
  },
  pcap_datalink: {
    args: [
      "ptr", // pcap_t *p
    ],
    returns: "i32", // int
  },
  pcap_set_datalink: {
    args: [
      "ptr", // pcap_t *p
      "i32", // int dlt
    ],
    returns: "i32", // int
  },
  pcap_setdirection: {
    args: [
      "ptr", // pcap_t *p
      "u32", // pcap_direction_t d
    ],
    returns: "i32", // int
  },
  pcap_setnonblock: {
    args: [
      "ptr", // pcap_t *p
      "i32", // int nonblock
      "ptr", // char *errbuf
    ],
    returns: "i32", // int
  },
  pcap_get_selectable_fd: {
    args: [
      "ptr", // pcap_t *p
    ],
    returns: "i32", // int
  },
  pcap_compile: {
    args: [
      "ptr", // pcap_t *p
      "ptr", // struct bpf_program *fp
      "ptr", // const char *str
      "i32", // int optimize
      "u32", // bpf_u_int32 netmask
    ],
    returns: "i32", // int
  },
  pcap_setfilter: {
    args: [
      "ptr", // pcap_t *p
      "ptr", // struct bpf_program *fp
    ],
    returns: "i32", // int
  },
  pcap_freecode: {
    args: [
      "ptr", // struct bpf_program *fp
    ],
    returns: "void",
  },
  pcap_offline_filter: {
    args: [
      "ptr", // const struct bpf_program *fp
      "ptr", // const struct pcap_pkthdr *h
      "ptr", // const u_char *pkt
    ],
    returns: "i32", // int
  },
  pcap_dispatch: {
    args: [
      "ptr", // pcap_t *p
      "i32", // int cnt
      "ptr", // pcap_handler callback
      "ptr", // u_char *user
    ],
    returns: "i32", // int
  },
  pcap_dump_fopen: {
    args: [
      "ptr", // pcap_t *p
      "ptr", // FILE *fp
    ],
    returns: "ptr", // pcap_dumper_t *
  },
  pcap_dump_flush: {
    args: [
      "ptr", // pcap_dumper_t *p
    ],
    returns: "i32", // int
  },
  pcap_dump_close: {
    args: [
      "ptr", // pcap_dumper_t *p
    ],
    returns: "void",
  },
  pcap_stats: {
    args: [
      "ptr", // pcap_t *p
      "ptr", // struct pcap_stat *ps
    ],
    returns: "i32", // int
  },
  pcap_open_dead: {
    args: [
      "i32", // int linktype
      "i32", // int snaplen
    ],
    returns: "ptr", // pcap_t *
  },
  pcap_geterr: {
    args: [
      "ptr", // pcap_t *p
    ],
    returns: "ptr", // char *
  },
  pcap_statustostr: {
    args: [
      "i32", // int error
    ],
    returns: "ptr", // const char *
  },
  pcap_lib_version: { args: [], returns: "ptr" }, // const char *
  pcap_close: {
    args: [
      "ptr", // pcap_t *p
    ],
    returns: "void",
  },
} as const;

/** Debian kept the number of an older interface; every other distribution uses 1. */
const SONAMES = ["libpcap.so.1", "libpcap.so.0.8"];

/** dlfcn.h */
const RTLD_LAZY = 1;
const RTLD_NOLOAD = 4;

function open() {
  const { symbols } = openLibrary(
    { sonames: SONAMES, packages: "libpcap0.8 (Debian, Ubuntu) or libpcap (Fedora, Arch, Alpine)" },
    SYMBOLS,
  );
  return { ...symbols, pcap_dump: dumpAddress() };
}

/**
 * The address of `pcap_dump`: a `pcap_handler` in C, so that no frame costs a call into this
 * runtime.
 */
function dumpAddress(): CPointer {
  for (const soname of SONAMES.map(cString)) {
    const handle = loader().dlopen(soname, RTLD_LAZY | RTLD_NOLOAD);
    if (handle !== null) return loader().dlsym(handle, cString("pcap_dump"))!;
  }
  throw new TypeError("The library just opened is not loaded");
}

let opened: ReturnType<typeof open> | undefined;

/** The functions, opened on first use. Throws OpError when the library is missing. */
export function libpcap(): ReturnType<typeof open> {
  opened ??= open();
  return opened;
}

/** "libpcap version 1.10.3 (with TPACKET_V3)" */
export function libpcapVersion(): string {
  return text(libpcap().pcap_lib_version());
}

/** libpcap's message about `status`, the result of its last call on `handle`. */
export function pcapMessage(handle: CPointer, status: number): string {
  const said = text(libpcap().pcap_geterr(handle));
  return said === "" ? text(libpcap().pcap_statustostr(status)) : said;
}

/** The OpError of a call on `handle` that returned `status`; the detail is libpcap's own. */
export function pcapFailure(
  handle: CPointer,
  status: number,
  failure: Omit<OpFailure, "detail">,
): OpError {
  return new OpError({ ...failure, detail: pcapMessage(handle, status) });
}

function text(at: CPointer | null): string {
  return at === null ? "" : new CString(at);
}
