/** The guard in the kernel: loads, shows and removes the table `inet sallyport`. */

import { readFileSync } from "node:fs";
import { parseDuration } from "../core/duration.ts";
import type { GrantKind } from "../core/grant.ts";
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

/**
 * The parts that may be left out, in this order: without them, answers differ from those of a
 * closed port.
 */
const LESS_ALIKE: readonly Partial<GuardPlan>[] = [
  { silentOptions: [] },
  { flowLabels: false },
  { echoDscp: false },
  { echoDscp: false, silentOptions: [] },
  { echoDscp: false, silentOptions: [], flowLabels: false },
];

/**
 * Brings the guard of this network namespace to the plan, in one transaction, or in three where ports leave the list of
 * guarded ones; living grants and uses stay. Throws OpError; the kernel then holds what it held before, or after the
 * first of three guards at least the ports that it guarded before and that the plan guards.
 */
export function loadGuard(plan: GuardPlan): void {
  const whole = {
    ...plan,
    flowLabels: plan.flowLabels ?? stackLabelsFlows(),
    silentOptions: plan.silentOptions ?? verifiedSignatures(),
  };
  const context = withSpareDescriptors(() => lookAtSets(plan));
  let failed: Failed | undefined;
  const tried = new Set<string>();
  // Where nft or the kernel cannot make a likeness, the ports are guarded without it.
  for (const less of [{}, ...LESS_ALIKE]) {
    const [first = "", ...rest] = renderLoad({ ...whole, ...less }, context);
    if (tried.has(first)) continue;
    tried.add(first);
    failed = transact(first);
    if (failed !== undefined) continue;
    for (const commands of rest) failed ??= transact(commands);
    break;
  }
  if (failed !== undefined) throw failed();
}

/** Finds out the reason, which takes a while. */
type Failed = () => OpError;

/** Runs a transaction. Returns why the kernel refused it, or undefined. */
function transact(commands: string): Failed | undefined {
  const loaded = runNft(commands);
  if (loaded.ok) return undefined;
  return () => nftError("load", GUARD, loaded.error, firstRefused(commands));
}

/**
 * Removes the guard and every grant: all ports are as open as without sallyport. A missing guard is
 * not an error.
 */
export function removeGuard(): void {
  // Added first, since deleting a missing table is an error; `destroy` would need kernel 6.3.
  const removed = runNft(`add table ${TABLE_NAME}\ndelete table ${TABLE_NAME}`);
  if (!removed.ok) throw nftError("remove", GUARD, removed.error);
}

/** The table as nft lists it, with its grants. Throws OpError when the table does not exist. */
export function showGuard(): string {
  const shown = runNft(`list ${GUARD}`);
  if (!shown.ok) throw nftError("show", GUARD, shown.error);
  return shown.output;
}

/** Whether the table exists and its hook leads into the guard. Throws OpError without privilege. */
export function guardLoaded(): boolean {
  const shown = runNft(`list chain ${TABLE_NAME} gate`);
  if (shown.ok) return shown.output.includes("jump guard");
  const error = nftError("look at", GUARD, shown.error);
  if (error.exitCode !== 1) throw error;
  return false;
}

/** The sets whose elements follow from the plan alone. */
const LISTS: readonly string[] = [SET.guarded, SET.allow(4), SET.allow(6)];

/**
 * The sets of the present table that the plan does not have, and the elements of its lists.
 * Sets of idle times that hold grants stay until these end.
 */
export function lookAtSets(plan: GuardPlan): LoadContext {
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
    livingKinds: livingKinds(nft, plan, names),
    endedSets: [...endedSets, ...FORMER_SETS, SET.meanwhile].filter((name) => names.includes(name)),
    present: new Map(LISTS.filter((name) => names.includes(name)).map(presentElements)),
  };
}

/** The kinds that the plan does not have, and of which there are grants or claims. */
function livingKinds(nft: NftSocket, plan: GuardPlan, names: readonly string[]): GrantKind[] {
  const holds = (name: string) =>
    names.includes(name) && (nft.elements(name, () => undefined) ?? []).length > 0;
  const sets = {
    fixed: [SET.door("fixed", 4), SET.door("fixed", 6)],
    once: [SET.door("one", 4), SET.door("one", 6), SET.claim(4), SET.claim(6)],
  };
  return (["fixed", "once"] as const).filter(
    (kind) => plan.kinds?.includes(kind) === false && sets[kind].some(holds),
  );
}

/** The elements of a list, as nft lists them. */
function presentElements(name: string): [name: string, elements: string[]] {
  const { output } = runNft(`list set ${TABLE_NAME} ${name}`);
  const listed = /elements = \{([^}]*)\}/.exec(output)?.[1]?.split(",") ?? [];
  return [name, listed.map((element) => element.trim())];
}

/** net.ipv6.auto_flowlabels: 1 and 3 label packets unless a program objects, 0 and 2 do not. */
function stackLabelsFlows(): boolean {
  try {
    return ["1", "3"].includes(readFileSync("/proc/sys/net/ipv6/auto_flowlabels", "utf8").trim());
  } catch {
    return false; // a kernel without IPv6
  }
}
