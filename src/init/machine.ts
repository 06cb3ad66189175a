/** What `sallyport init` sees of the machine before it asks anything. */

import { existsSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { isName } from "../config/names.ts";
import { isLoopback } from "../core/address.ts";
import type { Port } from "../core/port.ts";
import { processNames, readListening } from "../doctor/sockets.ts";
import { guessHost } from "../keys/profile.ts";

/** A port that others reach. */
export interface Service extends Port {
  /** "sshd (pid 812)"; undefined where the process cannot be seen. */
  readonly program: string | undefined;
}

export interface Machine {
  /** One for each port, TCP first, in ascending order. */
  readonly services: readonly Service[];
  /** The host by which clients most likely reach this machine. */
  readonly host: string;
  /** The user who most likely knocks. */
  readonly user: string;
  /** Whether systemd runs here, and so starts services. */
  readonly hasSystemd: boolean;
}

/** `reached`: the address by which the caller came in, if over ssh: it works from outside. */
export function readMachine(environment: NodeJS.ProcessEnv, reached?: string): Machine {
  const caller = environment["SUDO_USER"] ?? "";
  return {
    services: readServices(),
    host: reached ?? guessHost(hostname(), networkInterfaces()),
    user: isName(caller) && caller !== "root" ? caller : "me",
    hasSystemd: existsSync("/run/systemd/system"),
  };
}

function readServices(): Service[] {
  const sockets = readListening().filter(({ address }) => !isLoopback(address));
  const names = processNames(new Set(sockets.map(({ inode }) => inode)));
  const services = new Map<string, Service>();
  for (const { proto, port, inode } of sockets) {
    services.set(`${proto} ${port}`, { proto, port, program: names.get(inode) });
  }
  return [...services.values()].sort((a, b) => a.proto.localeCompare(b.proto) || a.port - b.port);
}
