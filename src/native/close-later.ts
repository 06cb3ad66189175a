/**
 * Closes sockets of nf_tables a moment after a change. The kernel makes whoever closes one wait until what the last
 * transaction replaced is destroyed, which takes it 10 to 20 ms (nft_rcv_nl_event); later there is nothing to wait for.
 */

const LATER_MS = 250;

/** So many may wait, each with a descriptor; the spare ones have room for them. */
const MOST = 12;

const waiting: (() => void)[] = [];
let changedMs = -Infinity;
let timer: NodeJS.Timeout | undefined;

/** Call it before a transaction. */
export function willChange(): void {
  changedMs = performance.now();
}

/** The calling thread needs an event loop. What a process leaves, the kernel closes. */
export function closeLater(close: () => void): void {
  if (performance.now() - changedMs > LATER_MS) return close();
  waiting.push(close);
  if (waiting.length > MOST) waiting.shift()!();
  timer ??= setTimeout(closeAll, LATER_MS).unref();
}

function closeAll(): void {
  timer = undefined;
  for (const close of waiting.splice(0)) close();
}
