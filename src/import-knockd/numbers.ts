/** Numbers as atoi(3) reads them, and the ports and sequences that knockd makes of them. */

import { quote } from "../config/mistake.ts";
import type { Port } from "../core/port.ts";
import { trimmed, upperCase } from "./read-lines.ts";

const LONG_MIN = -(2n ** 63n);
const LONG_MAX = 2n ** 63n - 1n;

/** The text at the front as a number, and whether more text follows. No digits: 0. */
export function atoi(text: string): { readonly value: number; readonly rest: string } {
  const [written = "", digits = "0"] = /^[ \t\n\v\f\r]*([+-]?\d+)/.exec(text) ?? [];
  // glibc's is strtol(3), cut to an int.
  const long = BigInt(digits.replace(/^\+/, ""));
  const kept = long < LONG_MIN ? LONG_MIN : long > LONG_MAX ? LONG_MAX : long;
  return { value: Number(BigInt.asIntN(32, kept)), rest: trimmed(text.slice(written.length)) };
}

/** One knock of a sequence; `remark` says where knockd read something other than the text. */
export interface Entry {
  readonly knock: Port;
  readonly remark?: string;
}

export type Sequence =
  | { readonly kind: "read"; readonly entries: readonly Entry[] }
  /** knockd starts with it, but nobody can ever knock it. */
  | { readonly kind: "dead"; readonly why: string }
  /** knockd does not start with it. */
  | { readonly kind: "refused"; readonly why: string };

const MOST_ENTRIES = 32;

/** Reads a sequence exactly as knockd 0.8 does. */
export function readSequence(value: string): Sequence {
  const entries: Entry[] = [];
  let dead: string | undefined;
  for (const written of value.split(",")) {
    if (entries.length === MOST_ENTRIES) {
      return { kind: "refused", why: `it has more than ${MOST_ENTRIES} knocks` };
    }
    const [port = "", proto] = written.split(":");
    const name = proto === undefined ? "TCP" : upperCase(trimmed(proto));
    if (name !== "TCP" && name !== "UDP") {
      return { kind: "refused", why: `${quote(trimmed(written))} has no protocol: tcp or udp` };
    }
    const { value: number, rest } = atoi(port);
    if (number > 65_535) return { kind: "refused", why: `${quote(trimmed(port))} is no port` };
    // Kept in sixteen bits: -1 is 65535.
    const real = number & 0xffff;
    if (real === 0) dead ??= `knockd reads ${quote(trimmed(port))} as port 0`;
    const odd = number !== real || (rest !== "" && !rest.startsWith("#"));
    entries.push({
      knock: { proto: name === "TCP" ? "tcp" : "udp", port: real },
      ...(odd && { remark: `knockd reads ${quote(trimmed(port))} as ${real}` }),
    });
  }
  return dead === undefined ? { kind: "read", entries } : { kind: "dead", why: dead };
}
