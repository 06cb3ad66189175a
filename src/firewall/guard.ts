/** The guard in the kernel: loads, shows and removes the table `inet sallyport`. */

import { existsSync, readFileSync } from "node:fs";
import { parseDuration } from "../core/duration.ts";
import type { GrantKind } from "../core/grant.ts";
import type { OpError } from "../core/errors.ts";
import { type NftResult, runNft } from "../native/libnftables.ts";
import { verifiedSignatures } from "../native/tcp-signatures.ts";
import { withSpareDescriptors } from "../native/spare-descriptors.ts";
import type { GuardPlan } from "./guard-plan.ts";
import { firstRefused } from "./first-refused.ts";
import { NftSocket } from "./nft-socket.ts";
import { isLasting, mayPass, nftError, refusalOf } from "./nft-error.ts";
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

/** The same for kernels without nft_socket: what transparent proxies take is refused like the rest. */
const NO_PROXIES: Partial<GuardPlan> = { transparentProxies: false };

/** The least first: a kernel may lack one, or both. */
const LESS: readonly Partial<GuardPlan>[] = [
  NO_PROXIES,
  ...LESS_ALIKE,
  ...LESS_ALIKE.map((less) => ({ ...less, ...NO_PROXIES })),
];

/**
 * Brings the guard of this network namespace to the plan, in one transaction, or in three where ports leave the list of
 * guarded ones; living grants and uses stay. Throws OpError; the kernel then holds what it held before, or after the
 * first of three guards at least the ports that it guarded before and that the plan guards. `run` is for tests.
 */
export function loadGuard(plan: GuardPlan, run = runNft): void {
  const { whole, context } = withSpareDescriptors(() => ({
    whole: asThisStack(plan),
    context: lookAtSets(plan),
  }));
  let failed: Failed | undefined;
  const tried = new Set<string>();
  // Where nft or the kernel cannot make a part, the ports are guarded without it.
  for (const less of [{}, ...LESS]) {
    const [first = "", ...rest] = renderLoad({ ...whole, ...less }, context);
    if (tried.has(first)) continue;
    tried.add(first);
    failed = transact(first, run);
    if (failed?.lastingly === true) continue;
    for (const commands of rest) failed ??= transact(commands, run);
    break;
  }
  if (failed !== undefined) throw failed.reason();
}

/** The plan with those answers that differ from kernel to kernel as this one gives them. Throws OpError. */
export function asThisStack(
  plan: GuardPlan,
): GuardPlan & Required<Pick<GuardPlan, "flowLabels" | "silentOptions">> {
  return {
    ...plan,
    flowLabels: plan.flowLabels ?? stackLabelsFlows(),
    silentOptions: plan.silentOptions ?? verifiedSignatures(),
  };
}

interface Failed {
  /** Without a part that library or kernel lack, it may be taken. */
  readonly lastingly: boolean;
  /** Finds it out, which takes a while. */
  reason(): OpError;
}

/**
 * Runs a transaction. Returns why it was refused, or undefined. What the kernel refuses is tried
 * once more: it may have lacked memory, or room in a socket, for a moment.
 */
function transact(commands: string, run: typeof runNft): Failed | undefined {
  const refused = (): NftResult | undefined => {
    const loaded = run(commands);
    return loaded.ok ? undefined : loaded;
  };
  let refusal = refused();
  if (refusal !== undefined && mayPass(refusalOf(refusal.error))) refusal = refused();
  if (refusal === undefined) return undefined;
  const { error } = refusal;
  return {
    lastingly: isLasting(refusalOf(error)),
    reason: () => nftError("load", GUARD, error, firstRefused(commands)),
  };
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

/**
 * Whether the table of an earlier daemon stands, and knows every use that the disk may lack. Throws OpError without
 * privilege.
 */
export function guardRemembers(): boolean {
  if (!guardLoaded()) return false;
  using nft = new NftSocket();
  return (nft.elements(SET.doubt, () => undefined) ?? []).length === 0;
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
  const unused = [...FORMER_SETS, SET.meanwhile, ...(plan.doubtMs === 0 ? [SET.doubt] : [])];
  return {
    retiringIdleMs: retiring,
    livingKinds: livingKinds(nft, plan, names),
    endedSets: [...endedSets, ...unused].filter((name) => names.includes(name)),
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

/** The elements of a list that exists, as nft lists them. Throws OpError where it cannot be read. */
function presentElements(name: string): [name: string, elements: string[]] {
  const { ok, output, error } = runNft(`list set ${TABLE_NAME} ${name}`);
  // Taken for empty, it would keep what the plan does not have.
  if (!ok && refusalOf(error).by !== "absence") throw nftError("read", `set ${name}`, error);
  const listed = /elements = \{([^}]*)\}/.exec(output)?.[1]?.split(",") ?? [];
  return [name, listed.map((element) => element.trim())];
}

const AUTO_FLOWLABELS = "/proc/sys/net/ipv6/auto_flowlabels";

/** net.ipv6.auto_flowlabels: 1 and 3 label packets unless a program objects, 0 and 2 do not. */
function stackLabelsFlows(): boolean {
  if (!existsSync(AUTO_FLOWLABELS)) return false; // a kernel without IPv6
  return ["1", "3"].includes(readFileSync(AUTO_FLOWLABELS, "utf8").trim());
}
