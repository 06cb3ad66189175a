/** How the program that started us wants its connection: as a descriptor, or through its pipes. */

import { fstatSync } from "node:fs";
import { isUnixSocket, peerProgram } from "../native/socket-peer.ts";

/**
 * "pass" hands the connected socket over and ends; "pipe" stays between standard input and output and the
 * connection.
 */
export type HandOver = "pass" | "pipe";

const STDIN = 0;
const STDOUT = 1;

/** OpenSSH's client under its own name, or with a version behind it. */
const SSH = /^ssh([-.\d]|$)/;

/**
 * What the descriptors tell: ssh with `ProxyUseFdpass yes` gives one unix socket as standard input and
 * output, and pipes otherwise. Other programs (libssh, socat) give one socket, too, and want no descriptor.
 */
export function wantedHandOver(): HandOver {
  if (process.platform !== "linux" || !isUnixSocket(STDOUT)) return "pipe";
  if (fstatSync(STDIN).ino !== fstatSync(STDOUT).ino) return "pipe";
  const program = peerProgram(STDOUT);
  // Not to be seen from here: more often an ssh outside of this container than anything else.
  return program === undefined || SSH.test(program) ? "pass" : "pipe";
}
