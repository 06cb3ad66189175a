/** From where the person at this command came in: whoever changes who gets in may shut himself out. */

import { readFileSync } from "node:fs";
import { type Address, parseAddress } from "../core/address.ts";

/** Shells, sudo and su between sshd and this command; more than any of them nest. */
const MOST_PARENTS = 32;

/** As sshd sets it: the client's address and port, then the server's. */
function clientIn(connection: string | undefined): Address | undefined {
  return parseAddress(connection?.split(" ")[0]?.replace(/%.*$/, "") ?? "");
}

function connectionOf(pid: number): string | undefined {
  const variable = readFileSync(`/proc/${pid}/environ`, "latin1")
    .split("\0")
    .find((one) => one.startsWith("SSH_CONNECTION="));
  return variable?.slice("SSH_CONNECTION=".length);
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
}

/**
 * The address of the SSH client that this command runs for, undefined where it runs for none. sudo and su
 * take the variable away, so the processes above are asked as well, as far as this user may.
 */
export function callerAddress(environment = process.env): Address | undefined {
  const own = clientIn(environment["SSH_CONNECTION"]);
  if (own !== undefined) return own;
  try {
    let pid = process.ppid;
    for (let i = 0; i < MOST_PARENTS && pid > 1; i++, pid = parentOf(pid)) {
      const found = clientIn(connectionOf(pid));
      if (found !== undefined) return found;
    }
  } catch {
    // Of another user, or gone: nobody knows.
  }
  return undefined;
}
