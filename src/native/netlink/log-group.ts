/**
 * A lock that the kernel keeps for one process of a network namespace: a group of nflog, which only
 * one socket can bind. Binding needs CAP_NET_ADMIN, so that no other local user can take the group,
 * fill it or wear it out. The kernel frees it when the socket closes, for any reason.
 */

import { ExitCode, OpError } from "../../core/errors.ts";
import { Errno, errnoName } from "../errno.ts";
import { NLM_F } from "./message.ts";
import { MessageWriter } from "./message-writer.ts";
import { type Acknowledgement, request } from "./request.ts";
import { NETLINK_NETFILTER, NetlinkSocket, SOL_SOCKET } from "./socket.ts";

/** linux/netfilter/nfnetlink.h: NFNL_SUBSYS_ULOG; a message's type is subsystem and command. */
const NFNL_SUBSYS_ULOG = 4;
/** linux/netfilter/nfnetlink_log.h: NFULNL_MSG_CONFIG, NFULA_CFG_CMD, NFULA_CFG_MODE */
const NFULNL_MSG_CONFIG = (NFNL_SUBSYS_ULOG << 8) | 1;
const NFULA_CFG_CMD = 1;
const NFULA_CFG_MODE = 2;
/** linux/netfilter/nfnetlink_log.h: NFULNL_CFG_CMD_BIND, NFULNL_CFG_CMD_UNBIND */
const BIND = 1;
const UNBIND = 2;
/** `struct nfulnl_msg_config_mode { __be32 copy_range; u8 copy_mode, pad; }` with NFULNL_COPY_NONE */
const COPY_NOTHING = new Uint8Array(6);
/** asm-generic/socket.h, the same on x64 and arm64 */
const SO_RCVBUF = 8;

/** Holds the group until `close`, or until the process ends. */
export interface GroupClaim extends Disposable {
  close(): void;
}

/** `struct nfgenmsg { u8 nfgen_family, version; __be16 res_id; }`: the group is the resource. */
function headerOf(group: number): Uint8Array {
  return Uint8Array.of(0, 0, group >>> 8, group & 0xff);
}

function configure(
  socket: NetlinkSocket,
  group: number,
  attribute: number,
  value: Uint8Array,
): Acknowledgement {
  const out = new MessageWriter(64);
  const sequence = socket.nextSequence();
  out.begin(NFULNL_MSG_CONFIG, NLM_F.REQUEST | NLM_F.ACK, sequence, headerOf(group));
  out.attribute(attribute, value);
  return request(socket, out.bytes, out.length, sequence);
}

/**
 * Claims the group in the calling thread's network namespace; undefined when another socket has it.
 * The caller must have CAP_NET_ADMIN: without it, the kernel gives the same error as for a held
 * group. Throws OpError where the kernel has no nflog, or no socket is available.
 */
export function claimLogGroup(group: number): GroupClaim | undefined {
  const socket = new NetlinkSocket(NETLINK_NETFILTER);
  const { code } = configure(socket, group, NFULA_CFG_CMD, Uint8Array.of(BIND));
  if (code === 0) {
    // Nothing logs to this group; should a rule do so after all, it must cost neither time nor
    // memory.
    configure(socket, group, NFULA_CFG_MODE, COPY_NOTHING);
    socket.setOption(SO_RCVBUF, 0, SOL_SOCKET);
    return socket;
  }
  socket.close();
  if (code === Errno.EPERM) return undefined;
  throw refused(code);
}

/** "unknown": the kernel has no groups, so nobody holds one. */
export type GroupState = "free" | "held" | "unknown";

/** Whether another socket has the group. Like `claimLogGroup`, but changes nothing. */
export function logGroupState(group: number): GroupState {
  using socket = new NetlinkSocket(NETLINK_NETFILTER);
  // The kernel refuses to release a group that another socket holds, and reports a free one as
  // free.
  const { code } = configure(socket, group, NFULA_CFG_CMD, Uint8Array.of(UNBIND));
  if (code === Errno.EPERM) return "held";
  if (code === Errno.ENODEV || code === Errno.ENOENT || code === 0) return "free";
  if (isUnknown(code)) return "unknown";
  throw refused(code);
}

/** Without the module, the kernel does not know such messages. */
function isUnknown(code: number): boolean {
  return code === Errno.EINVAL || code === Errno.EOPNOTSUPP;
}

function refused(code: number): OpError {
  const unknown = isUnknown(code);
  return new OpError({
    operation: "ask for",
    object: "the lock that keeps a second sallyport away",
    detail: unknown ? "the kernel has no nflog" : errnoName(code),
    code,
    remedy: unknown
      ? "load the module nfnetlink_log (modprobe nfnetlink_log), which needs CONFIG_NETFILTER_NETLINK_LOG"
      : "run `sallyport doctor` to see what this machine lacks",
    ...(code === Errno.EPERM && { exitCode: ExitCode.privilege }),
  });
}
