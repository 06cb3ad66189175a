/** The rule set of contestants that add to nftables sets themselves: a set a door, closed doors reset. */

import { SERVICE_PORT } from "../contestant.ts";

/** The table `inet bench` with sets `open0`, `open1`, … of source addresses; `more` are further lines of it. */
export function guardRules(doors: number, more = "", first = ""): string {
  const all = Array.from({ length: doors }, (_, door) => door);
  const set = (door: number) =>
    `set open${door} { type ipv4_addr; flags dynamic,timeout; size 65535; }`;
  const rule = (door: number) => `ip saddr @open${door} tcp dport ${SERVICE_PORT + door} accept`;
  const last = SERVICE_PORT + doors - 1;
  return `table inet bench {
${all.map(set).join("\n")}
${more}
chain input { type filter hook input priority 0; policy accept;
${first}
ct state established accept
${all.map(rule).join("\n")}
tcp dport ${SERVICE_PORT}-${last} reject with tcp reset
}
}
`;
}
