/**
 * The holder of a group of nflog, as far as /proc shows it: for messages only, never for decisions.
 */

import { descriptorsOf, processIds } from "../descriptors-of.ts";
import { procNetRows } from "../proc-net.ts";
import { NETLINK_NETFILTER } from "./socket.ts";

/** /proc/net/netfilter/nfnetlink_log: group, port id of its socket, …; only root may read it. */
function portIdOf(group: number): string | undefined {
  return procNetRows("netfilter/nfnetlink_log").find(([number]) => Number(number) === group)?.[1];
}

/** /proc/net/netlink: sk, protocol, port id, groups, rmem, wmem, dump, locks, drops, inode. */
function inodeOf(portId: string): string | undefined {
  return procNetRows("netlink").find(
    ([, protocol, port]) => Number(protocol) === NETLINK_NETFILTER && port === portId,
  )?.[9];
}

/** The process; undefined where it is invisible: without root, or in another process namespace. */
export function holderOfLogGroup(group: number): number | undefined {
  const portId = portIdOf(group);
  const inode = portId === undefined ? undefined : inodeOf(portId);
  if (inode === undefined) return undefined;
  const target = `socket:[${inode}]`;
  const pid = processIds().find((one) => descriptorsOf(one).includes(target));
  return pid === undefined ? undefined : Number(pid);
}
