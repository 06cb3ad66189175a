/**
 * The rule set as text for nft: the table as people read it, and the transactions that bring the
 * kernel to it.
 */

import type { Family } from "../core/address.ts";
import { formatDuration } from "../core/duration.ts";
import type { GrantKind } from "../core/grant.ts";
import { closedRules } from "./deny-answer.ts";
import { allowElements, guardedElement, mergeGuarded } from "./guard-plan.ts";
import type { GuardPlan } from "./guard-plan.ts";
import { denyChains, kernelFirstChains } from "./deny-rules.ts";
import { malformedChains, malformedRules } from "./malformed-rules.ts";
import {
  carryRules,
  markMaps,
  mendingChains,
  OPTIONAL_CHAINS,
  silentRules,
} from "./mend-answer.ts";
import type { Chain } from "./mend-answer.ts";
import { FOR_THIS_HOST, passingChains, PASSING_RULE } from "./passing-rules.ts";
import {
  DOUBT_DEFINITION,
  DOUBT_ELEMENT,
  GUARDED_DEFINITION,
  SET,
  setDefinitions,
  TABLE_NAME,
} from "./sets.ts";

/** The facts about the present table that loading needs. */
export interface LoadContext {
  /**
   * Idle times of an earlier plan whose grants are still alive: their rules stay until these end.
   */
  readonly retiringIdleMs?: readonly number[];
  /** Kinds of grants of which some live: their rules stay, too. */
  readonly livingKinds?: readonly GrantKind[];
  /** Sets that exist but that no rule of the plan names: they are removed. */
  readonly endedSets?: readonly string[];
  /**
   * The elements of the present table's lists, as nft lists them. Kernels before 6.17 find no
   * element, old or new, in the moment of a transaction that replaces it, and a packet of that
   * moment would pass by the guard.
   */
  readonly present?: ReadonlyMap<string, readonly string[]>;
}

/** SYN set; ACK, FIN and RST clear. Other bits do not matter: a SYN with ECN bits opens too. */
const FIRST_SYN = "tcp flags & (fin | syn | rst | ack) == syn";
/** ACK set; SYN, FIN and RST clear: the segments of a living session. */
const DATA_SEGMENT = "tcp flags & (fin | syn | rst | ack) == ack";
const PORT = "meta l4proto . th dport";
/** linux/netfilter_ipv4.h: NF_IP_PRI_MANGLE; a number, because old nft names it for some families only. */
const PRIORITY_MANGLE = -150;

const EVERY_KIND: readonly GrantKind[] = ["plain", "fixed", "once", "idle"];

/** nft's name of an address family. */
function ipOf(family: Family): "ip" | "ip6" {
  return family === 4 ? "ip" : "ip6";
}

interface Source {
  readonly family: Family;
  /** nft's name of the address family: `ip saddr`. */
  readonly ip: "ip" | "ip6";
  /** The expression to look up: the address, and for IPv6 its /64 too. */
  readonly saddr: string;
}

const SOURCES: readonly Source[] = [
  { family: 4, ip: "ip", saddr: "ip saddr" },
  { family: 6, ip: "ip6", saddr: "ip6 saddr" },
  { family: 6, ip: "ip6", saddr: "ip6 saddr & ffff:ffff:ffff:ffff::" },
];

/** One rule for each source: `ip saddr . meta l4proto . th dport @set rest`. */
function lookUps(set: (family: Family) => string, rest: string): string[] {
  return SOURCES.map(({ family, saddr }) => `${saddr} . ${PORT} @${set(family)} ${rest}`);
}

/** The rules, with the text a reader needs as a comment on each. */
function say(text: string, rules: readonly string[]): string[] {
  return rules.map((rule) => `${rule} comment "${text}"`);
}

/** One rule for each family about the connection of a packet, by both addresses and ports. */
function connections(rule: (claims: string, connection: string) => string): string[] {
  return ([4, 6] as const).map((family) => {
    const ip = ipOf(family);
    const connection = `${ip} saddr . ${ip} daddr . meta l4proto . th sport . th dport`;
    return rule(`@${SET.claim(family)}`, connection);
  });
}

/** The first packet spends the grant and claims its connection, both in the packet path. */
function spends(first: string): string[] {
  const one = (family: Family) => SET.door("one", family);
  return SOURCES.map(({ family, saddr }) => {
    const key = `${saddr} . ${PORT}`;
    return `${first} ${key} @${one(family)} delete @${one(family)} { ${key} } goto claim`;
  });
}

/** A claim admits copies of the first packet. It ends when its connection is complete, or reset. */
function claimRules(): string[] {
  const ends = (which: string) =>
    connections(
      (claims, connection) => `${which} ${connection} ${claims} delete ${claims} { ${connection} }`,
    );
  const accepts = (first: string) =>
    connections((claims, connection) => `${first} ${connection} ${claims} accept`);
  return [
    ...say("sent again", [...accepts(FIRST_SYN), ...accepts("meta l4proto udp ct state new")]),
    ...say("whole: no longer sent again", ends("meta l4proto tcp ct status assured")),
    ...say("reset", ends("tcp flags & rst == rst ct state established,new")),
  ];
}

/**
 * Restores the idle time of the sender's grant while its cap is alive. No verdict: the caller
 * continues.
 */
function renewals(idleMs: number): string[] {
  return SOURCES.map(({ family, saddr }) => {
    const key = `${saddr} . ${PORT}`;
    const set = SET.idle(family, idleMs);
    return (
      `${key} @${SET.cap(family, idleMs)} ${key} @${set} ` +
      `update @${set} { ${key} timeout ${formatDuration(idleMs)} }`
    );
  });
}

/** The grants that there may be: no packet walks past rules for others. */
interface Expected {
  readonly kinds: ReadonlySet<GrantKind>;
  /** In ascending order. */
  readonly idleMs: readonly number[];
}

function expected(plan: GuardPlan, context: LoadContext = {}): Expected {
  const kinds = new Set([...(plan.kinds ?? EVERY_KIND), ...(context.livingKinds ?? [])]);
  return { kinds, idleMs: sortedIdle([...plan.idleMs, ...(context.retiringIdleMs ?? [])]) };
}

function guardRules(plan: GuardPlan, { kinds, idleMs }: Expected): string[] {
  const allowed = ([4, 6] as const).filter((family) => allowElements(plan, family).length > 0);
  const open = kinds.has("fixed") ? (["grants", "fixed"] as const) : (["grants"] as const);
  const ifOnce = (rules: readonly string[]) => (kinds.has("once") ? rules : []);
  const ifIdle = (rules: readonly string[]) => (idleMs.length > 0 ? rules : []);
  const door = (set: "revoked" | "grants" | "fixed", verdict: string) =>
    lookUps((family) => SET.door(set, family), verdict);
  const idle = (verdict: string) =>
    idleMs.flatMap((ms) => lookUps((family) => SET.idle(family, ms), verdict));
  return [
    ...say(
      "always_allow",
      allowed.map((family) => `${ipOf(family)} saddr @${SET.allow(family)} goto allowed`),
    ),
    ...say("closed by hand", door("revoked", `${FOR_THIS_HOST} counter jump deny`)),
    ...ifOnce(claimRules()),
    ...say(
      "open",
      open.flatMap((set) => door(set, "accept")),
    ),
    ...say("open, not renewed by this", idle(`${FIRST_SYN} accept`)),
    // Before `established`: conntrack calls a SYN on the port pair of a dead session established.
    ...say("begins a connection", [`${FIRST_SYN} goto first`]),
    ...ifIdle([
      PASSING_RULE,
      // Not for a SYN, and not for a RST: by a forged SYN anybody can make the grant's holder send
      // one.
      ...say("renews", [
        `${DATA_SEGMENT} ct state established jump renew`,
        "meta l4proto udp ct state established jump renew",
      ]),
    ]),
    // Never `related`: a tracking helper can be tricked into expecting a guarded port.
    ...say("sessions outlive grants", ["ct state established accept"]),
    PASSING_RULE,
    ...say("before the first answer", idle("accept")),
    ...ifOnce(say("spends the grant", spends("meta l4proto udp ct state new"))),
    ...say("no grant", ["counter jump deny"]),
  ];
}

/** First segments that no line before lets in. */
function firstRules({ kinds }: Expected): string[] {
  return [
    PASSING_RULE,
    // After the others: a connection that another grant lets in spends nothing.
    ...(kinds.has("once") ? say("spends the grant", spends("ct state new")) : []),
    ...say("no grant", ["counter jump deny"]),
  ];
}

/** The lines of `guard` and `first` for packets to this host, about one that passed as another host's. */
function arrivalRules({ kinds, idleMs }: Expected): string[] {
  const idle = idleMs.flatMap((ms) => lookUps((family) => SET.idle(family, ms), "accept"));
  const once = [...spends(`${FIRST_SYN} ct state new`), ...spends("meta l4proto udp ct state new")];
  return [
    ...say("before the first answer", idle),
    ...(kinds.has("once") ? say("spends the grant", once) : []),
  ];
}

/** A rule that named more ranges would take long to load and to list. */
const MOST_NAMED = 64;

/**
 * A condition that packets to guarded ports meet and nearly all others do not. It costs a quarter of a
 * look into a list of intervals, of ports and protocols. Empty where it would be long.
 */
function nearlyGuarded({ guarded }: GuardPlan): string {
  const spans = mergeGuarded(guarded.map(({ from, to }) => ({ proto: "tcp", from, to })));
  const named = spans.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`));
  if (named.length === 0 || named.length > MOST_NAMED) return "";
  return `th dport ${named.length === 1 ? named[0] : `{ ${named.join(", ")} }`} `;
}

const CLAIM: Chain = {
  name: "claim",
  // A full set ends only its own rule: the grant is spent, so its packet is let in.
  rules: [...connections((claims, connection) => `add ${claims} { ${connection} }`), "accept"],
};

/** `lists` are the sets of guarded ports. */
function chains(plan: GuardPlan, grants: Expected, lists: readonly string[]): Chain[] {
  const { kinds, idleMs } = grants;
  return [
    {
      name: "gate",
      base: `type filter hook prerouting priority ${PRIORITY_MANGLE}; policy accept;`,
      rules: [
        ...say("the host itself", ["iif lo accept"]),
        // Nothing else before it: most packets of a machine are for ports that are not guarded.
        ...lists.map((list) => `${nearlyGuarded(plan)}${PORT} @${list} jump guard`),
      ],
    },
    { name: "guard", rules: guardRules(plan, grants) },
    ...(plan.allow.length > 0 ? [{ name: "allowed", rules: [PASSING_RULE, "accept"] }] : []),
    { name: "first", rules: firstRules(grants) },
    ...(kinds.has("once") ? [CLAIM] : []),
    ...(idleMs.length > 0 ? [{ name: "renew", rules: idleMs.flatMap(renewals) }] : []),
    ...denyChains(),
    ...passingChains(plan, arrivalRules(grants)),
    ...kernelFirstChains(),
    {
      name: "closed",
      rules: [
        ...malformedRules(plan),
        ...silentRules(plan),
        ...carryRules(plan),
        ...closedRules(plan.deny),
      ],
    },
    ...malformedChains(plan),
    ...mendingChains(plan, lists),
  ];
}

/** The elements of each list, as nft writes and lists them; one with a timeout it lists otherwise. */
function listContents(plan: GuardPlan): Map<string, readonly string[]> {
  return new Map([
    [SET.guarded, mergeGuarded(plan.guarded).map(guardedElement)],
    [SET.allow(4), allowElements(plan, 4)],
    [SET.allow(6), allowElements(plan, 6)],
  ]);
}

function sortedIdle(idleMs: readonly number[]): number[] {
  return [...new Set(idleMs)].sort((a, b) => a - b);
}

/**
 * The table of the plan as `nft list` would print it, without grants; can be loaded into an empty
 * kernel.
 */
export function renderTable(plan: GuardPlan): string {
  const grants = expected(plan);
  const elements = listContents(plan);
  const lines = [`table ${TABLE_NAME} {`];
  for (const [name, definition] of setDefinitions(grants.idleMs)) {
    const list = elements.get(name) ?? [];
    lines.push(`  set ${name} {`, `    ${definition}`);
    if (list.length > 0) lines.push(`    elements = { ${list.join(", ")} }`);
    lines.push("  }");
  }
  for (const [name, definition] of markMaps(plan)) {
    lines.push(`  map ${name} {`, ...definition.split("; ").map((part) => `    ${part}`), "  }");
  }
  for (const { name, base, rules } of chains(plan, grants, [SET.guarded])) {
    lines.push("", `  chain ${name} {`);
    for (const line of base === undefined ? rules : [base, ...rules]) lines.push(`    ${line}`);
    lines.push("  }");
  }
  return [...lines, "}", ""].join("\n");
}

/** The commands that leave in a list nothing but wanted elements. */
function clearList(
  name: string,
  wanted: readonly string[],
  present: readonly string[] | undefined,
): string[] {
  // What ends by itself is not added to again: its time would stay as it was.
  const ends = [...wanted, ...(present ?? [])].some((element) => element.includes("timeout"));
  if (present === undefined || ends) return [`flush set ${TABLE_NAME} ${name}`];
  const gone = present.filter((element) => !wanted.includes(element));
  return gone.length === 0 ? [] : [`delete element ${TABLE_NAME} ${name} { ${gone.join(", ")} }`];
}

/** The commands that bring a list to the wanted elements. */
function fillList(
  name: string,
  wanted: readonly string[],
  present: readonly string[] | undefined,
): string[] {
  const adds = `add element ${TABLE_NAME} ${name} { ${wanted.join(", ")} }`;
  return [...clearList(name, wanted, present), ...(wanted.length > 0 ? [adds] : [])];
}

/** Whether ports of a plan are guarded now, by a list from which something is taken out. */
function refillsGuarded(wanted: readonly string[], present: readonly string[] = []): boolean {
  if (wanted.length === 0 || present.length === 0) return false;
  return clearList(SET.guarded, wanted, present).length > 0;
}

/**
 * The transactions, in this order, that bring the kernel's table to that of the plan, whatever was
 * there; mostly one. Rules and lists are replaced. Sets of grants and uses are only created where
 * missing, so their elements stay.
 *
 * Where the list of guarded ports is filled anew, a second list guards meanwhile: the first
 * transaction adds it, the second fills the list, the third takes the second list away. After each
 * of them the ports are guarded that were guarded before and are guarded by the plan.
 */
export function renderLoad(plan: GuardPlan, context: LoadContext = {}): string[] {
  const contents = listContents(plan);
  const guarded = contents.get(SET.guarded)!;
  const fill = (name: string) => fillList(name, contents.get(name)!, context.present?.get(name));
  const allowed = ([4, 6] as const).flatMap((family) => fill(SET.allow(family)));
  if (!refillsGuarded(guarded, context.present?.get(SET.guarded))) {
    return [renderRules(plan, context, [SET.guarded], [...fill(SET.guarded), ...allowed])];
  }
  const both = [SET.guarded, SET.meanwhile];
  const meanwhile = fillList(SET.meanwhile, guarded, undefined);
  const endedSets = (context.endedSets ?? []).filter((name) => name !== SET.meanwhile);
  return [
    renderRules(plan, { ...context, endedSets }, both, [...meanwhile, ...allowed]),
    `${fill(SET.guarded).join("\n")}\n`,
    renderRules(plan, { ...context, endedSets: [SET.meanwhile] }, [SET.guarded], []),
  ];
}

/** It lasts anew with each load: the wait of a later daemon begins anew, too. */
function doubtLines({ doubtMs = 0 }: GuardPlan): string[] {
  if (doubtMs <= 0) return [];
  const set = `${TABLE_NAME} ${SET.doubt}`;
  const timeout = `timeout ${Math.ceil(doubtMs / 1_000)}s`;
  return [
    `add set ${set} { ${DOUBT_DEFINITION} }`,
    `flush set ${set}`,
    `add element ${set} { ${DOUBT_ELEMENT} ${timeout} }`,
  ];
}

/**
 * The transaction that replaces the rules by those of the plan, which look guarded ports up in
 * `lists`, and runs the commands `filled` about elements of lists.
 */
function renderRules(
  plan: GuardPlan,
  context: LoadContext,
  lists: readonly string[],
  filled: readonly string[],
): string {
  const grants = expected(plan, context);
  const lines = [`add table ${TABLE_NAME}`];
  for (const [name, definition] of setDefinitions(grants.idleMs)) {
    lines.push(`add set ${TABLE_NAME} ${name} { ${definition} }`);
  }
  if (lists.includes(SET.meanwhile)) {
    lines.push(`add set ${TABLE_NAME} ${SET.meanwhile} { ${GUARDED_DEFINITION} }`);
  }
  lines.push(...doubtLines(plan));
  for (const [name, definition] of markMaps(plan)) {
    lines.push(`add map ${TABLE_NAME} ${name} { ${definition}; }`);
  }
  const all = chains(plan, grants, lists);
  for (const { name, base } of all) {
    lines.push(`add chain ${TABLE_NAME} ${name}${base === undefined ? "" : ` { ${base} }`}`);
  }
  for (const { name } of all) lines.push(`flush chain ${TABLE_NAME} ${name}`);
  // An earlier plan may have needed chains that this one does not; they refer to each other.
  const gone = OPTIONAL_CHAINS.filter((name) => all.every((chain) => chain.name !== name));
  for (const name of gone) {
    lines.push(`add chain ${TABLE_NAME} ${name}`, `flush chain ${TABLE_NAME} ${name}`);
  }
  for (const name of gone) lines.push(`delete chain ${TABLE_NAME} ${name}`);
  lines.push(...filled);
  for (const { name, rules } of all) {
    for (const rule of rules) lines.push(`add rule ${TABLE_NAME} ${name} ${rule}`);
  }
  for (const name of context.endedSets ?? []) lines.push(`delete set ${TABLE_NAME} ${name}`);
  return `${lines.join("\n")}\n`;
}
