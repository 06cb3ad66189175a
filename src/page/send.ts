/** Sends a knock: one connection attempt to each port, all at once, and none of them kept. */

import { sendingOrder } from "../rks/sending-order.ts";
import { knockAddress } from "./address.ts";

/**
 * Long enough for a name to be looked up. After 250 ms Chromium tries a port that is silent once
 * more, from another port of its own: the second copy that RKS1 asks for.
 */
const ATTEMPT_MS = 300;

/** Returns when all attempts have begun; they end by themselves. */
export function sendKnock(host: string, ports: readonly number[]): void {
  const signal = AbortSignal.timeout(ATTEMPT_MS);
  for (const port of sendingOrder(ports, Math.random).slice(0, ports.length)) {
    fetch(knockAddress(host, port), {
      mode: "no-cors",
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
      signal,
    }).catch(() => {}); // no answer is what a knock gets
  }
}
