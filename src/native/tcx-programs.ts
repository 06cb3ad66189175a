/** Programs attached to an interface as tcx links (kernel 6.6): traffic control without a filter to list. */

import { Errno } from "./errno.ts";
import { libcCalls } from "./libc-calls.ts";
import { errno, failure } from "./libc.ts";

/** asm/unistd.h: __NR_bpf */
const NR_BPF = process.arch === "arm64" ? 280 : 321;
/** linux/bpf.h: BPF_PROG_QUERY, BPF_TCX_INGRESS */
const BPF_PROG_QUERY = 16;
const BPF_TCX_INGRESS = 46;
/** `struct { u32 target_ifindex, attach_type, query_flags, attach_flags; u64 prog_ids; u32 count; … }` */
const QUERY_BYTES = 64;
const COUNT_AT = 24;

/**
 * How many programs see the incoming packets of the interface; 0 on kernels without tcx. Needs
 * CAP_NET_ADMIN; throws OpError without it.
 */
export function tcxPrograms(index: number): number {
  const query = new DataView(new ArrayBuffer(QUERY_BYTES));
  query.setUint32(0, index, true);
  query.setUint32(4, BPF_TCX_INGRESS, true);
  const bytes = new Uint8Array(query.buffer);
  const answer = libcCalls().syscall(NR_BPF, BPF_PROG_QUERY, bytes, QUERY_BYTES);
  if (Number(answer) === 0) return query.getUint32(COUNT_AT, true);
  const code = errno();
  // EINVAL: a kernel that does not know the attach type; ENOENT: nothing was ever attached.
  if (code === Errno.EINVAL || code === Errno.ENOENT || code === Errno.ENODEV) return 0;
  throw failure(code, {
    operation: "ask for",
    object: "tcx programs",
    remedy: "run as root",
  });
}
