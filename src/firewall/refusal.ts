/** Turns the kernel's refusal of a change to grants into one sentence for people. */

import { ExitCode, OpError } from "../core/errors.ts";
import { Errno, errnoName } from "../native/errno.ts";
import type { Refusal } from "./nft-socket.ts";
import { SET_SIZE, TABLE_NAME } from "./sets.ts";

const REMEDIES = new Map<number, { detail?: string; remedy: string }>([
  [
    Errno.ENFILE,
    {
      detail: `the set is full (${SET_SIZE} elements)`,
      remedy: "wait until grants run out, close some, or lower door.NAME.max_grants",
    },
  ],
  [
    Errno.ENOENT,
    {
      detail: "the table or the set is gone",
      remedy: "load the guard again (restart `sallyport serve`) and find out who removed it",
    },
  ],
  [
    Errno.EBUSY,
    {
      detail: "the kernel is moving the elements of the set",
      remedy: "knock again in a second",
    },
  ],
  [Errno.EINTR, { remedy: "stop what changes the rule set without pause" }],
  [Errno.EPERM, { remedy: "run as root or with the capability CAP_NET_ADMIN" }],
]);

/** `object` is the set, without the table: "grants4". */
export function refusalError(operation: string, object: string, refusal: Refusal): OpError {
  const known = REMEDIES.get(refusal.code);
  const said = refusal.text === "" ? errnoName(refusal.code) : refusal.text;
  const name = errnoName(refusal.code);
  return new OpError({
    operation,
    object: `${TABLE_NAME} ${object}`.trim(),
    detail: known?.detail === undefined ? said : `${known.detail}, ${name}`,
    code: refusal.code,
    remedy: known?.remedy ?? "run `sallyport doctor` to see what this machine lacks",
    ...(refusal.code === Errno.EPERM && { exitCode: ExitCode.privilege }),
  });
}
