/** Tells this user's programs from those of others, who reach the loopback, too. */

import type { Socket } from "node:net";
import { ownerOfPeer } from "../native/socket-owner.ts";

const ROOT = 0;

/**
 * Whose program connected, where it is not this user's: root, who may do all that this user may, counts as
 * them. "own" on systems that do not tell.
 */
export function ownerOf(socket: Socket): "own" | "unknown" | { readonly uid: number } {
  const own = process.platform === "linux" ? process.getuid?.() : undefined;
  if (own === undefined) return "own";
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  if (remoteAddress === undefined || localAddress === undefined) return "unknown";
  const uid = ownerOfPeer(
    { address: remoteAddress, port: remotePort ?? 0 },
    { address: localAddress, port: localPort ?? 0 },
  );
  if (uid === undefined) return "unknown";
  return uid === own || uid === ROOT ? "own" : { uid };
}
