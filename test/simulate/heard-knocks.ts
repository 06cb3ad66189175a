/** The packets of the last minute from each address, in their order. */

import { type Address, formatAddress } from "../../src/core/address.ts";
import { knockSource, type Knock } from "../../src/core/knock.ts";
import { PROTO_NUMBER } from "../../src/core/port.ts";
import type { Door } from "../../src/config/settings.ts";

export interface Heard {
  readonly proto: number;
  readonly port: number;
  readonly timeMs: number;
}

export class HeardKnocks {
  readonly #heard = new Map<string, Heard[]>();

  /** Returns all of its source, this one included. */
  add(knock: Knock): readonly Heard[] {
    const text = formatAddress(knockSource(knock));
    const { proto, port, timeMs } = knock;
    const heard = (this.#heard.get(text) ?? []).filter(
      (one) => Math.abs(timeMs - one.timeMs) < 60_000,
    );
    heard.push({ proto, port, timeMs });
    this.#heard.set(text, heard);
    return heard;
  }

  /** Packets of an address in the last `ms` of its own. */
  countLately(address: Address, wallMs: number, ms: number): number {
    const heard = this.#heard.get(formatAddress(address)) ?? [];
    return heard.filter(({ timeMs }) => Math.abs(wallMs - timeMs) <= ms).length;
  }
}

/** Whether the knocks came in this order, whatever came between them. */
export function isComplete(
  { knocks, timeoutMs }: NonNullable<Door["fixed"]>,
  heard: readonly Heard[],
  nowMs: number,
): boolean {
  let next = 0;
  for (const { proto, port, timeMs } of heard) {
    if (Math.abs(nowMs - timeMs) > timeoutMs) continue;
    const wanted = knocks[next];
    if (wanted !== undefined && port === wanted.port && proto === PROTO_NUMBER[wanted.proto])
      next++;
  }
  return next >= knocks.length;
}
