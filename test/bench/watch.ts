/**
 * Counts honest packets on their way through the server's kernel, so that what the kernel loses is not
 * blamed on a daemon. They are known by their IP identification: a load may bear the same addresses.
 *
 *     wire ── ingress (here, right after every capture) ── raw ── connection tracking ── tracked
 *
 * A packet that is missing at `ingress` was lost on the wire or in the receive queue, before any daemon could
 * have seen it; one missing at `tracked` was dropped by a full tracking table, after every capture had it.
 */

import type { Lab } from "../support/lab.ts";
import { HONEST_ID } from "./load/generator.ts";

const PLACES = ["ingress", "raw", "tracked"] as const;

/** Packets that the prober sent for honest clients, at each place, since the watch began. */
export type HonestPackets = Readonly<Record<(typeof PLACES)[number], number>>;

/** Connection tracking has priority -200 (linux/netfilter_ipv4.h). */
const RULES = `table netdev watch {
  counter ingress_count { }
  chain in {
    type filter hook ingress device eth0 priority 500
    ip id ${HONEST_ID} counter name "ingress_count"
  }
}
table inet watch {
  counter raw_count { }
  counter tracked_count { }
  chain before {
    type filter hook prerouting priority -300
    ip id ${HONEST_ID} counter name "raw_count"
  }
  chain after {
    type filter hook prerouting priority -199
    ip id ${HONEST_ID} counter name "tracked_count"
  }
}
`;

export function startWatch(lab: Lab): void {
  lab.run("server", ["nft", "-f", "-"], { input: RULES });
}

export function honestPackets(lab: Lab): HonestPackets {
  const { out } = lab.run("server", ["nft", "-j", "list", "counters"]);
  const { nftables } = JSON.parse(out) as {
    nftables: { counter?: { name: string; packets: number } }[];
  };
  const named = new Map(
    nftables.flatMap(({ counter }) => (counter ? [[counter.name, counter.packets]] : [])),
  );
  const [ingress, raw, tracked] = PLACES.map((place) => named.get(`${place}_count`) ?? 0);
  return { ingress: ingress!, raw: raw!, tracked: tracked! };
}
