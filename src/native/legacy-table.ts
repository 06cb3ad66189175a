/**
 * A table of iptables-legacy in the kernel, read through the socket options that iptables-legacy
 * uses.
 */

import { Errno } from "./errno.ts";
import { libcCalls } from "./libc-calls.ts";
import { errno, failure, libc } from "./libc.ts";

/** sys/socket.h; the flag is the same on x64 and arm64. */
const AF = { ip: 2, ip6: 10 } as const;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2_000_000;
/** netinet/in.h: IPPROTO_IP, IPPROTO_IPV6 */
const LEVEL = { ip: 0, ip6: 41 } as const;
/** linux/netfilter_ipv4/ip_tables.h: IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES; those of IPv6 are the same. */
const GET_INFO = 64;
const GET_ENTRIES = 65;
/** linux/netfilter/x_tables.h: XT_TABLE_MAXNAMELEN, NF_INET_NUMHOOKS */
const NAME_BYTES = 32;
const HOOKS = 5;
/** `struct ipt_getinfo { char name[32]; u32 valid_hooks, hook_entry[5], underflow[5], num_entries, size; }` */
const HOOK_ENTRY_AT = NAME_BYTES + 4;
const UNDERFLOW_AT = HOOK_ENTRY_AT + 4 * HOOKS;
const SIZE_AT = UNDERFLOW_AT + 4 * HOOKS + 4;
const INFO_BYTES = SIZE_AT + 4;
/** `struct ipt_get_entries { char name[32]; u32 size; struct ipt_entry entrytable[]; }`, entries aligned to 8 */
const ENTRIES_AT = NAME_BYTES + 8;

/** Larger than any table that the kernel accepts; a larger size is not believed. */
const MOST_BYTES = 256 << 20;
/** A table that others replace without pause is not requested for ever. */
const MOST_TRIES = 10;

export type LegacyFamily = keyof typeof AF;

export interface LegacyTable {
  readonly family: LegacyFamily;
  readonly name: string;
  /** Base chains: the offset of the first entry, and that of the policy behind the last rule. */
  readonly hooks: readonly {
    /** linux/netfilter.h, enum nf_inet_hooks: 0 prerouting, 1 input, 2 forward, 3 output, 4 postrouting */
    readonly number: number;
    readonly first: number;
    readonly policy: number;
  }[];
  /** Entries of `struct ipt_entry` or `ip6t_entry`, one behind the other. */
  readonly entries: DataView;
}

/**
 * Reads a table in the calling thread's network namespace. For a name that it knows but has no
 * table for, the kernel makes an empty table: ask only for an existing one. Needs CAP_NET_ADMIN;
 * throws OpError.
 */
export function readLegacyTable(family: LegacyFamily, name: string): LegacyTable {
  const fail = (code: number) =>
    failure(code, {
      operation: "read",
      object: `table ${family} ${name} of iptables-legacy`,
      remedy: `see whether \`${family === "ip" ? "iptables" : "ip6tables"}-legacy-save\` works`,
    });
  const fd = libc().socket(AF[family], SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw fail(errno());
  try {
    for (let tries = 1; ; tries++) {
      const info = memoryFor(name, INFO_BYTES);
      const refused = ask(fd, family, GET_INFO, info);
      if (refused !== 0) throw fail(refused);
      const size = info.getUint32(SIZE_AT, true);
      if (size > MOST_BYTES) throw fail(Errno.EINVAL);
      const memory = memoryFor(name, ENTRIES_AT + size);
      memory.setUint32(NAME_BYTES, size, true);
      const code = ask(fd, family, GET_ENTRIES, memory);
      if (code === 0) {
        const entries = new DataView(memory.buffer, ENTRIES_AT);
        return { family, name, hooks: hooksOf(info), entries };
      }
      // EAGAIN: somebody replaced the table since the first question.
      if (code !== Errno.EAGAIN || tries === MOST_TRIES) throw fail(code);
    }
  } finally {
    libc().close(fd);
  }
}

function memoryFor(name: string, size: number): DataView {
  const bytes = new Uint8Array(size);
  new TextEncoder().encodeInto(name, bytes.subarray(0, NAME_BYTES - 1));
  return new DataView(bytes.buffer);
}

/** Returns errno, 0 when the kernel filled the memory. */
function ask(fd: number, family: LegacyFamily, option: number, memory: DataView): number {
  const length = new Uint32Array([memory.byteLength]);
  const bytes = new Uint8Array(memory.buffer);
  const refused = libcCalls().getsockopt(fd, LEVEL[family], option, bytes, length) < 0;
  return refused ? errno() : 0;
}

function hooksOf(info: DataView): LegacyTable["hooks"] {
  const valid = info.getUint32(NAME_BYTES, true);
  return Array.from({ length: HOOKS }, (_, number) => ({
    number,
    first: info.getUint32(HOOK_ENTRY_AT + 4 * number, true),
    policy: info.getUint32(UNDERFLOW_AT + 4 * number, true),
  })).filter(({ number }) => (valid & (1 << number)) !== 0);
}
