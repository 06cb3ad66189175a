/** By which addresses this computer is in the network now. */

import { networkInterfaces } from "node:os";
import type { Target } from "../client/targets.ts";

/** Any port will do: connecting a UDP socket asks the kernel for a route, and sends nothing. */
const NO_PORT = 9;

/** The address from which a connection to `target` would come; undefined without a route. */
export async function sourceOf({ address, family }: Target): Promise<string | undefined> {
  try {
    const socket = await Bun.udpSocket({
      hostname: family === 6 ? "::" : "0.0.0.0",
      connect: { hostname: address, port: NO_PORT },
    });
    try {
      return socket.address.address;
    } finally {
      socket.close();
    }
  } catch {
    return undefined;
  }
}

/** The addresses of all interfaces. */
export function ownAddresses(): ReadonlySet<string> {
  const all = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses);
  return new Set(all.map(({ address }) => address));
}
