/** Requests that the kernel answers with one acknowledgement. */

import { Errno } from "../errno.ts";
import { errorCode, errorText, messages, NLMSG } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

/** What the kernel said of a request. */
export interface Acknowledgement {
  /** errno, positive; 0: it was done. ENOBUFS: it may have been done, the kernel had no memory to say so. */
  readonly code: number;
  /** The kernel's own words; often empty. */
  readonly text: string;
}

/** Sends the first `length` bytes, a message that asks for an acknowledgement, and waits for that of `sequence`. */
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
