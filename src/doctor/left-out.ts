/**
 * Check: the parts of the guard that library or kernel lack here. Ports are guarded without them (`loadGuard`), but
 * not quite as promised.
 */

import { type Findings, warning } from "../core/finding.ts";
import { asThisStack } from "../firewall/guard.ts";
import type { GuardPlan } from "../firewall/guard-plan.ts";
import { isLasting, refusalOf } from "../firewall/nft-error.ts";
import { mayAskKernel } from "../native/capabilities.ts";
import { type NftResult, runNft } from "../native/libnftables.ts";
import { guardText, LEAST, SAMPLE } from "./kernel.ts";

/** The plan's names for the parts that a guard can do without. */
type PartName = "transparentProxies" | "echoDscp" | "flowLabels" | "silentOptions";

interface Consequence {
  /** A sentence: what is otherwise without the part. */
  readonly without: string;
  readonly remedy: string;
}

const PARTS: Record<PartName, Consequence> = {
  transparentProxies: {
    without: "On guarded ports, what a transparent proxy of this host takes over is refused, too",
    remedy:
      "where such a proxy runs, load the module nft_socket (modprobe nft_socket), or use a kernel built with CONFIG_NFT_SOCKET",
  },
  echoDscp: {
    without: "Resets of guarded ports have no DSCP, those of closed ports that of the packet",
    remedy: "use libnftables 1.0 or later, and a kernel built with CONFIG_NF_CONNTRACK_MARK",
  },
  flowLabels: {
    without: "IPv6 resets of guarded ports have no flow label, those of closed ports have one",
    remedy: "use libnftables 1.0 or later, and a kernel built with CONFIG_NFT_HASH",
  },
  silentOptions: {
    without: "Guarded ports answer signed TCP segments, closed ports are silent",
    remedy: "use libnftables 1.0 or later",
  },
};

export interface LeftOut {
  readonly name: PartName;
  /** In nft's words. */
  readonly reason: string;
}

/**
 * Tests in the calling thread's network namespace; changes nothing. Empty, too, where even the least guard is refused,
 * or the caller has no CAP_NET_ADMIN: `checkKernel` tells both. Throws OpError without libnftables. `run` is for tests.
 */
export function probeLeftOut(
  run = (commands: string): NftResult => runNft(commands, { dryRun: true }),
): readonly LeftOut[] {
  if (!mayAskKernel() || !run(guardText(LEAST)).ok) return [];
  const { flowLabels, silentOptions } = asThisStack(SAMPLE);
  const wanted: readonly (readonly [PartName, Partial<GuardPlan>])[] = [
    ["transparentProxies", { transparentProxies: true }],
    ["echoDscp", { echoDscp: true }],
    ["flowLabels", { flowLabels }],
    ["silentOptions", { silentOptions }],
  ];
  return wanted.flatMap(([name, part]) => {
    const { ok, error } = run(guardText({ ...LEAST, ...part }));
    const refusal = refusalOf(error);
    // What the kernel could not at this moment, it can for a guard.
    return ok || !isLasting(refusal) ? [] : [{ name, reason: refusal.reason }];
  });
}

export function checkLeftOut(leftOut: readonly LeftOut[]): Findings {
  return leftOut.map(({ name, reason }) => {
    const { without, remedy } = PARTS[name];
    return warning(`${without}: library or kernel refuse that part (${reason})`, remedy);
  });
}
