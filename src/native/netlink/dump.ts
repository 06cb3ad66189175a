/** Dumps: one question, every message of the reply, repeated when the reply was not whole. */

import { Errno } from "../errno.ts";
import { errorCode, errorText, type Message, messages, NLM_F, NLMSG } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

/** A table that changes without pause is not requested for ever. */
const MOST_TRIES = 20;

/** Why there is no reply. */
export interface DumpRefusal {
  /** errno, positive; EINTR: the table changed during every attempt. */
  readonly code: number;
  /** The kernel's own words; often empty. */
  readonly text: string;
}

export type Dumped<T> = { readonly found: T[] } | { readonly refused: DumpRefusal };

/**
 * Adds the results of a message to `found`; no part of the message is valid afterwards. Returns
 * "torn" where the message shows that the reply is not whole.
 */
export type Visit<T> = (view: DataView, message: Message, found: T[]) => "torn" | void;

/**
 * Sends the message that `ask` writes with the given sequence number, and hands every message of
 * the reply to `visit`. When a change interrupted the reply, or the kernel discarded a part of it,
 * the results are dropped and the question is repeated: `ask` begins each attempt. Throws OpError
 * when the socket fails.
 */
export function dump<T>(
  socket: NetlinkSocket,
  ask: (sequence: number) => { readonly bytes: Uint8Array; readonly length: number },
  visit: Visit<T>,
): Dumped<T> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    // The kernel has one dump at a time for a socket, and refuses the next (EBUSY) until it is read
    // to its end.
    socket.discard();
    const sequence = socket.nextSequence();
    const { bytes, length } = ask(sequence);
    socket.send(bytes, length);
    const reply = read(socket, sequence, visit);
    if (reply !== "torn") return reply;
  }
  return { refused: { code: Errno.EINTR, text: "others kept changing it" } };
}

function read<T>(socket: NetlinkSocket, sequence: number, visit: Visit<T>): Dumped<T> | "torn" {
  const { view } = socket;
  const found: T[] = [];
  let torn = false;
  for (;;) {
    const got = socket.receive();
    // The kernel writes the next part when this one is taken, so a reply that pauses has lost its end.
    if (got <= 0) return "torn";
    for (const message of messages(view, got)) {
      if (message.sequence !== sequence) continue;
      torn ||= (message.flags & NLM_F.DUMP_INTR) !== 0;
      if (message.type === NLMSG.DONE || message.type === NLMSG.ERROR) {
        const code = errorCode(view, message);
        if (code === Errno.EINTR || code === Errno.EAGAIN) return "torn";
        if (code !== 0) return { refused: { code, text: errorText(view, message) ?? "" } };
        return torn ? "torn" : { found };
      }
      torn = visit(view, message, found) === "torn" || torn;
    }
  }
}
