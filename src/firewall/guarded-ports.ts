/** The ports that the kernel guards now, read back from its table. */

import { PROTO_NUMBER, type PortRange, type Proto } from "../core/port.ts";
import { runNft } from "../native/libnftables.ts";
import { nftError } from "./nft-error.ts";
import { nftEntries } from "./nft-json.ts";
import { SET, TABLE_NAME } from "./sets.ts";

export interface GuardedNow extends PortRange {
  /** How long they stay guarded without a renewal, in milliseconds; absent: for ever. */
  readonly leftMs?: number;
}

/** libnftables-json(5): `{concat: ["tcp", 22]}` (6 for "tcp" where /etc/protocols is missing), or a range of ports, inside `elem` where it has a timeout. */
interface Concat {
  readonly concat: readonly [
    Proto | number,
    number | { readonly range: readonly [number, number] },
  ];
}
type Element = Concat | { readonly elem: { readonly val: Concat; readonly expires?: number } };
interface Entry {
  readonly set?: { readonly elem?: readonly Element[] };
}

/** [] where no port is guarded, with or without the table. Throws OpError without privilege. */
export function guardedNow(): GuardedNow[] {
  const listed = runNft(`list set ${TABLE_NAME} ${SET.guarded}`, { json: true });
  if (!listed.ok) {
    const error = nftError("look at", `table ${TABLE_NAME}`, listed.error);
    if (error.exitCode === 1) return [];
    throw error;
  }
  const entries = nftEntries(listed.output, `table ${TABLE_NAME}`) as readonly Entry[];
  return entries.flatMap(({ set }) => (set?.elem ?? []).map(readElement));
}

function readElement(element: Element): GuardedNow {
  const { val, expires } = "elem" in element ? element.elem : { val: element, expires: undefined };
  const [named, port] = val.concat;
  const proto = named === "udp" || named === PROTO_NUMBER.udp ? "udp" : "tcp";
  const [from, to] = typeof port === "number" ? [port, port] : port.range;
  return { proto, from, to, ...(expires !== undefined && { leftMs: expires * 1_000 }) };
}
