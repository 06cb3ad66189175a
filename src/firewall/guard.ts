/** The guard in the kernel: loads, shows and removes the table `inet sallyport`. */

import { readFileSync } from "node:fs";
import { parseDuration } from "../core/duration.ts";
import type { OpError } from "../core/errors.ts";
import { runNft } from "../native/libnftables.ts";
import { verifiedSignatures } from "../native/tcp-signatures.ts";
import { withSpareDescriptors } from "../native/spare-descriptors.ts";
import type { GuardPlan } from "./guard-plan.ts";
import { firstRefused } from "./first-refused.ts";
import { NftSocket } from "./nft-socket.ts";
import { nftError } from "./nft-error.ts";
import { renderLoad } from "./rule-set.ts";
import type { LoadContext } from "./rule-set.ts";
import { FORMER_SETS, SET, TABLE_NAME } from "./sets.ts";

const GUARD = `table ${TABLE_NAME}`;

/** What may be left out, in the order in which it is: without it answers differ from a closed port's. */
const LESS_ALIKE: readonly Partial<GuardPlan>[] = [
  { silentOptions: [] },
  { flowLabels: false },
  { echoDscp: false },
  { echoDscp: false, silentOptions: [] },
  { echoDscp: false, silentOptions: [], flowLabels: false },
];

/**
 * Makes the guard of this network namespace that of the plan, in one transaction that is checked
 * first; living grants and uses stay. Throws OpError, and then the kernel holds what it held before.
 */
export function loadGuard(plan: GuardPlan): void {
  const whole = {
    ...plan,
    flowLabels: plan.flowLabels ?? stackLabelsFlows(),
    silentOptions: plan.silentOptions ?? verifiedSignatures(),
  };
  const context = withSpareDescriptors(() => lookAtSets(plan));
  // Where nft or the kernel lack what a likeness needs, the ports are guarded all the same.
  const plans = [whole, ...LESS_ALIKE.map((less) => ({ ...whole, ...less }))];
  let failed: Failed | undefined;
  for (const text of new Set(plans.map((one) => renderLoad(one, context)))) {
    failed = tryLoad(text);
    if (failed === undefined) return;
  }
  throw failed!();
}

/** Finds out why, which takes a while. */
type Failed = () => OpError;

/** Checks the commands, then runs them; answers why the kernel kept what it held. */
function tryLoad(commands: string): Failed | undefined {
  const checked = runNft(commands, { dryRun: true });
  if (!checked.ok) {
    return () => nftError("check", GUARD, checked.error, firstRefused(commands));
  }
  const loaded = runNft(commands);
  return loaded.ok ? undefined : () => nftError("load", GUARD, loaded.error);
}

/** Takes the guard and every grant away: all ports are as open as without sallyport. None is no error. */
export function removeGuard(): void {
  // Added first, since deleting a missing table is an error; `destroy` would need kernel 6.3.
  const removed = runNft(`add table ${TABLE_NAME}\ndelete table ${TABLE_NAME}`);
  if (!removed.ok) throw nftError("remove", GUARD, removed.error);
}

/** The table as nft lists it, grants included. Throws OpError when it is not there. */
export function showGuard(): string {
  const shown = runNft(`list ${GUARD}`);
  if (!shown.ok) throw nftError("show", GUARD, shown.error);
  return shown.output;
}

/** Whether the table is there and its hook leads into the guard. Throws OpError without privilege. */
export function guardLoaded(): boolean {
  const shown = runNft(`list chain ${TABLE_NAME} gate`);
  if (shown.ok) return shown.output.includes("jump guard");
  const error = nftError("look at", GUARD, shown.error);
  if (error.exitCode !== 1) throw error;
  return false;
}

/** Sets that are there and not of the plan: those of idle times that hold grants stay until these end. */
function lookAtSets(plan: GuardPlan): LoadContext {
  using nft = new NftSocket();
  const holds = new Map<number, boolean>();
  const names = nft.setNames();
  for (const name of names) {
    const idleMs = parseDuration(/^idle[46]_(.+)$/.exec(name)?.[1] ?? "");
    if (idleMs === undefined || plan.idleMs.includes(idleMs)) continue;
    const living = nft.elements(name, () => undefined) ?? [];
    holds.set(idleMs, holds.get(idleMs) === true || living.length > 0);
  }
  const retiring = [...holds].filter(([, living]) => living).map(([idleMs]) => idleMs);
  const ended = [...holds].filter(([, living]) => !living).map(([idleMs]) => idleMs);
  const endedSets = ([4, 6] as const).flatMap((family) =>
    ended.flatMap((ms) => [SET.idle(family, ms), SET.cap(family, ms)]),
  );
  return {
    retiringIdleMs: retiring,
    endedSets: [...endedSets, ...FORMER_SETS].filter((name) => names.includes(name)),
  };
}

/** net.ipv6.auto_flowlabels: 1 and 3 label what no program asked about, 0 and 2 do not. */
function stackLabelsFlows(): boolean {
  try {
    return ["1", "3"].includes(readFileSync("/proc/sys/net/ipv6/auto_flowlabels", "utf8").trim());
  } catch {
    return false; // a kernel without IPv6
  }
}
