/** Living connections to ports of ours: who has them, and the end of some. */

import { type Address, maskAddress, parseAddress, sameAddress } from "../../src/core/address.ts";
import type { PortRange } from "../../src/core/port.ts";
import type { GrantKernel } from "../../src/firewall/grants.ts";
import type { Session } from "../../src/firewall/sessions.ts";

/** The server's own address. */
const HERE = parseAddress("192.0.2.1")!;

export interface LivingSession {
  readonly address: Address;
  readonly port: number;
  /** The port at the other end: no two sessions have the same. */
  readonly peerPort: number;
}

/** Those at these ports, as connection tracking tells of them. */
export function sessionsAt(
  living: Iterable<LivingSession>,
  ports: readonly PortRange[],
): Session[] {
  return [...living].flatMap(({ address: peer, port, peerPort }) => {
    return isAt(ports, port) ? [{ local: HERE, localPort: port, peer, peerPort }] : [];
  });
}

/** Ends those of an address, or its /64, at these ports, except for the spared. Returns how many were ended. */
export function endSessions(
  living: Set<LivingSession>,
  ...[address, prefix6, ports, spared]: Parameters<GrantKernel["endSessions"]>
): number {
  const bits = address.family === 4 ? 32 : prefix6;
  let ended = 0;
  for (const session of living) {
    const isMeant =
      sameAddress(maskAddress(session.address, bits), maskAddress(address, bits)) &&
      isAt(ports, session.port) &&
      !spared(session.address, { proto: "tcp", port: session.port });
    if (isMeant && living.delete(session)) ended++;
  }
  return ended;
}

function isAt(ports: readonly PortRange[], port: number): boolean {
  return ports.some(({ from, to }) => from <= port && port <= to);
}
