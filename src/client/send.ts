/** Single knocks on the wire: one SYN or one datagram each, and no packet after it. */

import { createConnection } from "node:net";
import { messageOf, OpError } from "../core/errors.ts";
import type { Port } from "../core/port.ts";
import type { Target } from "./targets.ts";

/** knockd's client sends one zero byte; servers accept any content. */
const DATAGRAM = new Uint8Array(1);

/**
 * Sends exactly one SYN; resolves when it has left. Ignores any answer and any failure: the runtime
 * reports a missing route and a closed port alike. Needs a literal address: a name would be looked
 * up after the socket is destroyed, and no SYN would leave.
 */
export function sendSyn(target: Target, port: number): Promise<void> {
  return sendSyns(target, [port]);
}

/**
 * Windows connects in the background and sends a SYN a moment after it is asked to; it repeats one
 * after half a second at the earliest. The client for PowerShell holds its attempts as long.
 */
const WINDOWS_HOLD_MS = 150;

/**
 * As `sendSyn`, for several ports in one turn of the loop: they leave in this order, some
 * hundredths of a millisecond apart. So an attacker who forges packets of our address gets few of
 * them in between.
 */
export function sendSyns({ address }: Target, ports: readonly number[]): Promise<void> {
  return new Promise((resolve) => {
    const sockets = ports.map((port) => {
      const socket = createConnection({ host: address, port, autoSelectFamily: false });
      return socket.on("error", () => {});
    });
    const end = () => {
      for (const socket of sockets) socket.destroy();
      resolve();
    };
    // Destroyed in this turn of the loop, a socket would send nothing; kept longer, the kernel
    // would repeat the SYN.
    if (process.platform === "win32") setTimeout(end, WINDOWS_HOLD_MS);
    else setImmediate(end);
  });
}

/**
 * Sends one datagram from a socket of its own: an ICMP error for one knock would make the next send
 * on the same socket throw. Throws an OpError where this computer refuses to send.
 */
export async function sendDatagram({ address, family }: Target, port: number): Promise<void> {
  try {
    const socket = await Bun.udpSocket({ hostname: family === 6 ? "::" : "0.0.0.0" });
    try {
      socket.send(DATAGRAM, port, address);
    } finally {
      socket.close();
    }
  } catch (error) {
    throw new OpError(
      {
        operation: "send a UDP knock to",
        object: address,
        detail: messageOf(error),
        code: 0,
        remedy: "check this computer's network and its own firewall",
      },
      { cause: error },
    );
  }
}

/**
 * Sends knocks in order, `gapMs` apart. With a gap, each has left before the next begins; without
 * one, TCP knocks leave in one burst.
 */
export async function sendKnocks(
  target: Target,
  knocks: readonly Port[],
  gapMs: number,
): Promise<void> {
  if (gapMs === 0 && knocks.every(({ proto }) => proto === "tcp")) {
    const ports = knocks.map(({ port }) => port);
    return sendSyns(target, ports);
  }
  for (const [i, { proto, port }] of knocks.entries()) {
    if (i > 0 && gapMs > 0) await Bun.sleep(gapMs);
    await (proto === "tcp" ? sendSyn(target, port) : sendDatagram(target, port));
  }
}
