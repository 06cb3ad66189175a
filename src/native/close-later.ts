/**
 * Closes sockets of nf_tables a moment after a change. The kernel makes whoever closes one wait until what the last
 * transaction replaced is destroyed, which takes it 10 to 20 ms (nft_rcv_nl_event); later there is nothing to wait for.
 */

import { withSpareDescriptors } from "./spare-descriptors.ts";

const LATER_MS = 250;

/** So many may wait, each with a descriptor of the spare ones. */
const MOST = 12;

const waiting: (() => void)[] = [];
let changedMs = -Infinity;
let timer: NodeJS.Timeout | undefined;

/** Call it after a transaction. */
export function changed(): void {
  changedMs = performance.now();
}

/**
 * Closes by `close`, now or soon; returns whether it has. The calling thread needs an event loop. What a process leaves
 * when it ends, the kernel closes.
 */
export function closeLater(close: () => void): boolean {
  if (restMs() <= 0) {
    close();
    return true;
  }
  waiting.push(close);
  if (waiting.length > MOST) waiting.shift()!();
  begin();
  return false;
}

function restMs(): number {
  return changedMs + LATER_MS - performance.now();
}

function begin(): void {
  timer ??= setTimeout(closeAll, Math.max(0, restMs())).unref();
}

function closeAll(): void {
  timer = undefined;
  if (restMs() > 0) return begin();
  // So that the descriptors are spare ones again, and nobody else takes them.
  withSpareDescriptors(() => {
    for (const close of waiting.splice(0)) close();
  });
}
