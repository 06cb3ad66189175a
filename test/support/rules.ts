/** Rules of other tables, of nftables and of iptables-legacy. */

import type { Host, Lab } from "./lab.ts";

const CHAINS = {
  raw: ["PREROUTING", "OUTPUT"],
  nat: ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
  mangle: ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  filter: ["INPUT", "FORWARD", "OUTPUT"],
} as const;

/** Every table in its state before the first rule, in the form of iptables-restore. */
const EMPTY = Object.entries(CHAINS)
  .map(([table, chains]) => {
    const policies = chains.map((chain) => `:${chain} ACCEPT [0:0]\n`).join("");
    return `*${table}\n${policies}COMMIT\n`;
  })
  .join("");

/** Removes all rules of a host; tables of iptables-legacy stay, without a rule. */
export function clearRules(lab: Lab, host: Host = "server"): void {
  lab.run(host, ["nft", "flush", "ruleset"]);
  for (const program of ["iptables-legacy-restore", "ip6tables-legacy-restore"]) {
    lab.run(host, [program], { input: EMPTY });
  }
}
