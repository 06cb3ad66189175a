/**
 * Check: library and kernel support the rule set. Tested by transactions that are never committed.
 */

import { release } from "node:os";
import { isOlderVersion } from "../core/older-version.ts";
import type { GuardPlan } from "../firewall/guard-plan.ts";
import { oldLibrary, type Refusal, refusalOf } from "../firewall/nft-error.ts";
import { renderTable } from "../firewall/rule-set.ts";
import { TABLE_NAME } from "../firewall/sets.ts";
import { runNft } from "../native/libnftables.ts";
import { knowsLock } from "../control-plane/guard/guard-lock.ts";
import { type Findings, listed, ok, problem, unseen } from "../core/finding.ts";
import { mayAskKernel } from "../native/capabilities.ts";

interface Feature {
  readonly name: string;
  /** The module that has it, and the option to build it. */
  readonly module: string;
  readonly config: string;
  /** The first kernel that has it: "5.9". */
  readonly since: string;
  readonly commands: readonly string[];
}

/** A name that nobody uses; the kernel undoes the transaction without ever showing the table. */
const TABLE = "inet sallyport_doctor";
const CHAIN = [
  `add table ${TABLE}`,
  `add chain ${TABLE} c { type filter hook prerouting priority -150; policy accept; }`,
];
const GRANTS = "type ipv4_addr . inet_proto . inet_service; size 16;";
const KEY = "ip saddr . meta l4proto . th dport";

const rule = (text: string) => `add rule ${TABLE} c ${text}`;

const WHOLE = "the guard as a whole";

/** A guard with everything that this kernel's own answers have; never loaded. */
export const SAMPLE: GuardPlan = {
  guarded: [{ proto: "tcp", from: 1, to: 2, forMs: 60_000 }],
  allow: [],
  deny: { ip: "reset", ip6: "reset" },
  idleMs: [10_000],
};

/** The same without the parts that are left out where library or kernel lack them (`loadGuard`). */
export const LEAST = {
  ...SAMPLE,
  echoDscp: false,
  flowLabels: false,
  silentOptions: [],
  transparentProxies: false,
} as const satisfies GuardPlan;

/** The text of a guard under the doctor's name. */
export function guardText(plan: GuardPlan): string {
  return renderTable(plan).replace(TABLE_NAME, TABLE);
}

/** In the order in which they build on each other: the first missing one names the cause. */
export const FEATURES: readonly Feature[] = [
  {
    name: "inet tables",
    module: "nf_tables",
    config: "CONFIG_NF_TABLES_INET",
    since: "3.14",
    commands: CHAIN,
  },
  {
    name: "fib",
    module: "nft_fib_inet",
    config: "CONFIG_NFT_FIB_INET",
    since: "4.10",
    commands: [...CHAIN, rule("fib daddr type unicast accept")],
  },
  {
    name: "connection tracking",
    module: "nft_ct",
    config: "CONFIG_NFT_CT and CONFIG_NF_CONNTRACK",
    since: "3.14",
    commands: [...CHAIN, rule("ct state established accept")],
  },
  {
    name: "reject before routing",
    module: "nft_reject_inet",
    config: "CONFIG_NFT_REJECT_INET",
    since: "5.9",
    commands: [
      ...CHAIN,
      rule("meta l4proto tcp reject with tcp reset"),
      rule("meta l4proto udp reject with icmpx type port-unreachable"),
    ],
  },
  {
    name: "packets changed by rules",
    module: "nf_tables",
    config: "CONFIG_NF_TABLES",
    since: "4.10",
    commands: [...CHAIN, rule("meta priority set 1:1 @nh,72,8 set 253")],
  },
  {
    name: "sets that time out",
    module: "nf_tables",
    config: "CONFIG_NF_TABLES",
    since: "4.1",
    commands: [
      ...CHAIN,
      `add set ${TABLE} s { ${GRANTS} flags timeout; }`,
      `add element ${TABLE} s { 192.0.2.1 . tcp . 1 timeout 1s }`,
      rule(`${KEY} @s accept`),
    ],
  },
  {
    name: "sets of ranges",
    module: "nf_tables",
    config: "CONFIG_NF_TABLES",
    since: "5.6",
    commands: [
      ...CHAIN,
      `add set ${TABLE} s { type inet_proto . inet_service; size 16; flags interval,timeout; }`,
      `add element ${TABLE} s { tcp . 1-2 timeout 1s }`,
      rule("meta l4proto . th dport @s accept"),
    ],
  },
  {
    name: "sets changed by packets",
    module: "nf_tables",
    config: "CONFIG_NF_TABLES",
    since: "5.5",
    commands: [
      ...CHAIN,
      `add set ${TABLE} s { ${GRANTS} flags dynamic,timeout; }`,
      `add set ${TABLE} t { ${GRANTS} flags dynamic,timeout; }`,
      rule(`${KEY} @s update @s { ${KEY} timeout 10s }`),
      rule(`${KEY} @s add @t { ${KEY} } delete @s { ${KEY} } accept`),
    ],
  },
  {
    name: WHOLE,
    module: "nf_tables",
    config: "CONFIG_NF_TABLES",
    since: "5.10",
    commands: [guardText(LEAST)],
  },
];

export interface FeatureFacts extends Omit<Feature, "commands"> {
  /** Why it is missing; absent where it exists. */
  readonly refusal?: Refusal;
}

/** Not a part of the rules: the daemon's lock. */
const LOCK = {
  name: "nflog",
  module: "nfnetlink_log",
  config: "CONFIG_NETFILTER_NETLINK_LOG",
  since: "2.6.14",
} as const;

/**
 * Tests in the calling thread's network namespace; changes nothing. Undefined without
 * CAP_NET_ADMIN. Throws OpError without libnftables.
 */
export function probeKernel(
  features: readonly Feature[] = FEATURES,
): readonly FeatureFacts[] | undefined {
  if (!mayAskKernel()) return undefined;
  const probed = features.map(({ commands, ...feature }): FeatureFacts => {
    const asked = runNft(commands.join("\n"), { dryRun: true });
    return asked.ok ? feature : { ...feature, refusal: refusalOf(asked.error) };
  });
  const unknown: Refusal = { by: "absence", reason: "it knows no such messages" };
  return [...probed, { ...LOCK, ...(!knowsLock() && { refusal: unknown }) }];
}

function lack({ name, module, config, since, refusal }: FeatureFacts, running: string) {
  const { by, reason } = refusal!;
  if (by === "privilege") {
    return problem(
      `The kernel does not permit this process to ask for ${name}: ${reason}`,
      "run it as root of this network namespace; a container needs CAP_NET_ADMIN",
    );
  }
  // Only after a refusal: distributions bring features to kernels with older numbers.
  if (isOlderVersion(running, since)) {
    return problem(
      `Linux ${running} is too old for ${name}: ${reason}`,
      `use Linux ${since} or later`,
    );
  }
  if (by === "absence") {
    return problem(
      `The kernel lacks ${name}: ${reason}`,
      `load the module ${module} (modprobe ${module}), or use a kernel built with ${config}`,
    );
  }
  return problem(`The kernel refuses ${name}: ${reason}`, `use a kernel with ${config}`);
}

export function checkKernel(
  facts: readonly FeatureFacts[] | undefined,
  running = release(),
): Findings {
  if (facts === undefined) {
    return [unseen("the kernel's features, which only a process with CAP_NET_ADMIN may ask for")];
  }
  const refused = facts.filter(({ refusal }) => refusal !== undefined);
  if (refused.length === 0) {
    return [ok(`The kernel has all that is used: ${listed(facts.map(({ name }) => name))}`)];
  }
  const unread = refused.filter(({ refusal }) => refusal!.by === "library");
  const lacking = refused.filter(({ refusal }) => refusal!.by !== "library");
  // One finding for each library: text that it cannot read says nothing about the kernel.
  const old = unread.slice(0, 1).map(({ name, refusal }) => {
    const { detail, remedy } = oldLibrary(`${name}: ${refusal!.reason}`);
    return problem(detail, remedy);
  });
  // Where a part is missing, the whole is missing too.
  const parts = lacking.filter(({ name }) => lacking.length === 1 || name !== WHOLE);
  return [...old, ...parts.map((fact) => lack(fact, running))];
}
