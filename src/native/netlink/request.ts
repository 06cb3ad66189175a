/** Requests that the kernel answers with one acknowledgement. */

import { Errno } from "../errno.ts";
import { errorCode, errorText, messages, NLMSG } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

/** The kernel's reply to a request. */
export interface Acknowledgement {
  /**
   * errno, positive; 0: done. ENOBUFS: possibly done, but the kernel had no memory for the reply.
   */
  readonly code: number;
  /** The kernel's own words; often empty. */
  readonly text: string;
}

/**
 * Sends the first `length` bytes, a message that asks for an acknowledgement, and waits for the
 * acknowledgement of `sequence`.
 */
export function request(
  socket: NetlinkSocket,
  bytes: Uint8Array,
  length: number,
  sequence: number,
): Acknowledgement {
  socket.send(bytes, length);
  const { view } = socket;
  for (;;) {
    const got = socket.receive();
    if (got === 0) return { code: Errno.ENOBUFS, text: "" };
    for (const message of messages(view, got)) {
      if (message.sequence !== sequence || message.type !== NLMSG.ERROR) continue;
      return { code: errorCode(view, message), text: errorText(view, message) ?? "" };
    }
  }
}
