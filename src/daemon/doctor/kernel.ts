/** Check: the kernel does what the rule set asks of it. Asked by transactions that are never committed. */

import type { OpError } from "../../core/errors.ts";
import { nftError } from "../../firewall/nft-error.ts";
import { runNft } from "../../native/libnftables.ts";
import { type Findings, listed, ok, problem, unseen } from "./finding.ts";
import { mayAskKernel } from "./privileges.ts";

interface Feature {
  readonly name: string;
  /** What brings it. */
  readonly needs: string;
  readonly commands: readonly string[];
}

/** A name nobody has; the kernel takes the transaction apart again without ever showing it. */
const TABLE = "inet sallyport_doctor";
const CHAIN = [
  `add table ${TABLE}`,
  `add chain ${TABLE} c { type filter hook prerouting priority -150; policy accept; }`,
];
const GRANTS = "type ipv4_addr . inet_proto . inet_service; size 16;";
const KEY = "ip saddr . meta l4proto . th dport";

const rule = (text: string) => `add rule ${TABLE} c ${text}`;

/** In the order in which they build on each other: the first that lacks names the cause. */
export const FEATURES: readonly Feature[] = [
  { name: "inet tables", needs: "CONFIG_NF_TABLES_INET (module nf_tables)", commands: CHAIN },
  {
    name: "fib",
    needs: "CONFIG_NFT_FIB_INET (module nft_fib_inet)",
    commands: [...CHAIN, rule("fib daddr type unicast accept")],
  },
  {
    name: "connection tracking",
    needs: "CONFIG_NFT_CT and CONFIG_NF_CONNTRACK (module nft_ct)",
    commands: [...CHAIN, rule("ct state established accept")],
  },
  {
    name: "reject before routing",
    needs: "CONFIG_NFT_REJECT_INET (module nft_reject_inet) and kernel 5.9 or later",
    commands: [
      ...CHAIN,
      rule("meta l4proto tcp reject with tcp reset"),
      rule("meta l4proto udp reject with icmpx port-unreachable"),
    ],
  },
  {
    name: "sets that time out",
    needs: "kernel 4.1 or later with CONFIG_NF_TABLES",
    commands: [
      ...CHAIN,
      `add set ${TABLE} s { ${GRANTS} flags timeout; }`,
      `add element ${TABLE} s { 192.0.2.1 . tcp . 1 timeout 1s }`,
      rule(`${KEY} @s accept`),
    ],
  },
  {
    name: "sets of ranges",
    needs: "kernel 5.6 or later (concatenations with ranges)",
    commands: [
      ...CHAIN,
      `add set ${TABLE} s { type inet_proto . inet_service; size 16; flags interval,timeout; }`,
      `add element ${TABLE} s { tcp . 1-2 timeout 1s }`,
      rule("meta l4proto . th dport @s accept"),
    ],
  },
  {
    name: "sets changed by packets",
    needs: "kernel 5.12 or later (several statements that change sets in a rule)",
    commands: [
      ...CHAIN,
      `add set ${TABLE} s { ${GRANTS} flags dynamic,timeout; }`,
      `add set ${TABLE} t { ${GRANTS} flags dynamic,timeout; }`,
      rule(`${KEY} @s update @s { ${KEY} timeout 10s }`),
      rule(`${KEY} @s add @t { ${KEY} } delete @s { ${KEY} } accept`),
    ],
  },
];

export interface FeatureFacts {
  readonly name: string;
  readonly needs: string;
  /** What the kernel said; absent: it has the feature. */
  readonly refusal?: Pick<OpError, "detail">;
}

/**
 * Asks in the calling thread's network namespace; changes nothing. Undefined without CAP_NET_ADMIN.
 * Throws OpError without libnftables.
 */
export function probeKernel(features: readonly Feature[] = FEATURES): FeatureFacts[] | undefined {
  if (!mayAskKernel()) return undefined;
  return features.map(({ name, needs, commands }) => {
    const asked = runNft(commands.join("\n"), { dryRun: true });
    return asked.ok
      ? { name, needs }
      : { name, needs, refusal: nftError("probe", name, asked.error) };
  });
}

export function checkKernel(facts: readonly FeatureFacts[] | undefined): Findings {
  if (facts === undefined) {
    return [unseen("the kernel's features, which only a process with CAP_NET_ADMIN may ask for")];
  }
  const lacking = facts.flatMap(({ name, needs, refusal }) =>
    refusal === undefined
      ? []
      : [
          problem(
            `The kernel refuses ${name}: ${refusal.detail}`,
            `use a kernel with ${needs}, or load that module`,
          ),
        ],
  );
  if (lacking.length > 0) return lacking;
  return [ok(`The kernel has all that is used: ${listed(facts.map(({ name }) => name))}`)];
}
