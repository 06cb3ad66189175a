/** The capabilities in effect for the calling thread, read from /proc without a library. */

import { readFileSync } from "node:fs";

/** linux/capability.h, in the order of their bits. */
const CAPABILITIES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
] as const;

export type Capability = (typeof CAPABILITIES)[number];

/** The capabilities in a mask as /proc writes it: "00000000a80425fb". Bits without a name are left out. */
export function parseCapabilities(hex: string): Set<Capability> {
  const mask = BigInt(`0x${hex}`);
  return new Set(CAPABILITIES.filter((_, bit) => ((mask >> BigInt(bit)) & 1n) === 1n));
}

/** The effective set of the calling thread; empty where /proc is not mounted. */
export function effectiveCapabilities(): Set<Capability> {
  let status: string;
  try {
    status = readFileSync("/proc/thread-self/status", "utf8");
  } catch {
    return new Set();
  }
  return parseCapabilities(/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0");
}

/**
 * Whether the kernel answers questions about rules. Checked first, since libnftables would
 * otherwise print its own complaint to standard error.
 */
export function mayAskKernel(): boolean {
  return effectiveCapabilities().has("CAP_NET_ADMIN");
}
