/**
 * Where the person at this command is connected from: a change of who gets in may shut that person
 * out.
 */

import { readFileSync } from "node:fs";
import { parsePeer } from "../api/schemas.ts";
import type { Caller } from "../core/caller.ts";
import { parsePort } from "../core/port.ts";

/** Shells, sudo and su between sshd and this command; they never nest deeper. */
const MOST_PARENTS = 32;

/** In the form that sshd sets: the client's address and port, then the server's. */
function clientIn(connection = ""): Caller | undefined {
  const [client = "", , , port = ""] = connection.split(" ");
  const address = parsePeer(client.replace(/%.*$/, ""));
  if (address === undefined) return undefined;
  const own = parsePort(port)?.port;
  return { address, ...(own !== undefined && { port: own }) };
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
 * SSH_CONNECTION of the person at this command; undefined where there is none. sudo and su take the
 * variable away, so the processes above are searched too, as far as this user may read them.
 */
function sshConnection(environment: NodeJS.ProcessEnv): string | undefined {
  const own = environment["SSH_CONNECTION"];
  if (clientIn(own) !== undefined) return own;
  try {
    let pid = process.ppid;
    for (let i = 0; i < MOST_PARENTS && pid > 1; i++, pid = parentOf(pid)) {
      const found = connectionOf(pid);
      if (clientIn(found) !== undefined) return found;
    }
  } catch {
    // The process belongs to another user, or is gone.
  }
  return undefined;
}

/** The SSH client of the person at this command. */
export function callerConnection(environment = process.env): Caller | undefined {
  return clientIn(sshConnection(environment));
}

/** The address of this machine by which the person at this command came in over ssh. */
export function reachedAddress(environment = process.env): string | undefined {
  return sshConnection(environment)?.split(" ")[2];
}
