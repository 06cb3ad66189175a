/** Follows a first packet to a port of this machine through the chains of other tables. */

import type { PlainAnswer } from "../firewall/deny-answer.ts";
import { FAMILY, TABLE } from "../firewall/sets.ts";
import { HOOKS, isArriving } from "./arriving-rules.ts";
import { mapped, meets } from "./condition.ts";
import { isAddressType, isOpaque } from "./iptables-match.ts";
import {
  chainKey,
  type ListedChain,
  type ListedRule,
  type Listing,
  type Statement,
} from "./listing.ts";
import type { Probe } from "./probe.ts";
import { rejectionOf } from "./rejection.ts";
import { xtName } from "./xt.ts";

/** A rule, or the policy of a base chain where `rule` is absent. */
export interface Place {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** nft's count when a person reads the chain: the first is 1. */
  readonly rule?: number;
}

export interface Trace {
  /** The end of the packet; absent: all chains let it through. */
  readonly ended?: {
    readonly by: "drops" | "rejects";
    /** The answer to its sender. */
    readonly answer: PlainAnswer;
    readonly at: Place;
  };
  /** Rules that may drop it, with a condition that sallyport cannot read. */
  readonly unclear: readonly Place[];
  /** Rules that take it out of connection tracking. */
  readonly untracked: readonly Place[];
  /** A rule that sends it to another address, past the chains of `input`. */
  readonly redirected?: { readonly at: Place; readonly address?: string; readonly port?: number };
}

/** nf_tables refuses deeper jumps (NFT_JUMP_STACK_SIZE). */
const DEEPEST = 16;

/** The fate of one probe's packet. */
export function follow(listing: Listing, probe: Probe): Trace {
  return new Tracer(listing, probe).run();
}

/**
 * The fate of the packet through any of the interfaces by which strangers come in, to any of the
 * addresses.
 */
export function trace(listing: Listing, probe: Probe): Trace {
  const { interfaces, addresses } = listing.arrivals ?? {};
  if (interfaces === undefined || addresses === undefined || interfaces.length === 0) {
    return follow(listing, probe);
  }
  const traces = interfaces.map((name) =>
    follow(listing, { ...probe, interface: name, addresses }),
  );
  const ended = traces.find((one) => one.ended !== undefined)?.ended;
  const redirected = traces.find((one) => one.redirected !== undefined)?.redirected;
  return {
    unclear: traces.flatMap(({ unclear }) => unclear),
    untracked: traces.flatMap(({ untracked }) => untracked),
    ...(ended !== undefined && { ended }),
    ...(redirected !== undefined && { redirected }),
  };
}

type Verdict = "accept" | "return" | NonNullable<Trace["ended"]> | undefined;

class Tracer {
  readonly #listing: Listing;
  readonly #probe: Probe;
  readonly #unclear: Place[] = [];
  readonly #untracked: Place[] = [];
  #redirected: Trace["redirected"];

  constructor(listing: Listing, probe: Probe) {
    this.#listing = listing;
    this.#probe = probe;
  }

  run(): Trace {
    const ended = this.#end();
    return {
      unclear: this.#unclear,
      untracked: this.#untracked,
      ...(ended !== undefined && { ended }),
      ...(this.#redirected !== undefined && { redirected: this.#redirected }),
    };
  }

  #end(): Trace["ended"] {
    for (const chain of this.#baseChains()) {
      if (chain.hook === "input" && this.#redirected !== undefined) continue;
      const verdict = this.#follow(chain, chain.name, 0);
      if (typeof verdict === "object") return verdict;
      const { family, table, name, policy } = chain;
      if (verdict !== "accept" && policy === "drop") {
        return { by: "drops", answer: "drop", at: { family, table, chain: name } };
      }
    }
    return undefined;
  }

  #baseChains(): ListedChain[] {
    const families = new Set(["inet", "netdev", this.#probe.family === 4 ? "ip" : "ip6"]);
    const rank = ({ hook }: ListedChain) => HOOKS.indexOf(hook as (typeof HOOKS)[number]);
    return this.#listing.chains
      .filter(({ family, table }) => families.has(family) && !isOurs(family, table))
      .filter((chain) => isArriving(chain) && this.#passes(chain))
      .sort((a, b) => rank(a) - rank(b) || (a.prio ?? 0) - (b.prio ?? 0));
  }

  /** A chain of `ingress` belongs to one interface, or to several. */
  #passes({ dev }: ListedChain): boolean {
    const { interface: arrives } = this.#probe;
    if (dev === undefined || arrives === undefined) return true;
    return [dev].flat().some((one) => isNamed(one, arrives));
  }

  #follow({ family, table }: ListedChain, name: string, depth: number): Verdict {
    if (depth > DEEPEST) return undefined;
    const rules = this.#listing.rules.get(chainKey({ family, table }, name)) ?? [];
    for (const [i, rule] of rules.entries()) {
      const place: Place = { family, table, chain: name, rule: i + 1 };
      for (const found of rule.expr) {
        const statement =
          "vmap" in found ? mapped(found, this.#probe, rule, this.#listing.sets) : found;
        if (statement === undefined) break;
        if ("unread" in statement) {
          this.#unclear.push(place);
          break;
        }
        if (isOpaque(statement)) {
          // ufw passes packets for this machine on by "-m addrtype --dst-type LOCAL -j RETURN".
          if (isAddressType(statement) && rule.expr.some((one) => "return" in one)) continue;
          if (rule.expr.some(isRefusal)) this.#unclear.push(place);
          break;
        }
        if (!meets(statement, this.#probe, rule, this.#listing.sets)) break;
        const target = targetOf(statement);
        if (target !== undefined) {
          const verdict = this.#follow({ family, table, name }, target, depth + 1);
          if (verdict !== undefined && verdict !== "return") return verdict;
          if ("goto" in statement) return undefined;
          continue;
        }
        const verdict = this.#plain(statement, place, rule);
        if (verdict === "return") return undefined;
        if (verdict !== undefined) return verdict;
      }
    }
    return undefined;
  }

  #plain(statement: Statement, place: Place, rule: ListedRule): Verdict {
    const target = xtName(statement, "target");
    if ("notrack" in statement || target === "CT" || target === "NOTRACK") {
      this.#untracked.push(place);
      return undefined;
    }
    if ("dnat" in statement || target === "DNAT") {
      this.#redirected = { at: place, ...destination(statement["dnat"]) };
      return "accept";
    }
    // A packet queued to a program counts as let through: its fate is unknown.
    if ("accept" in statement || "queue" in statement || "redirect" in statement) return "accept";
    if ("return" in statement) return "return";
    if ("drop" in statement) return { by: "drops", answer: "drop", at: place };
    const answer = rejectionOf(statement, this.#probe.proto, rule.expr);
    return answer === undefined ? undefined : { by: "rejects", answer, at: place };
  }
}

export function isOurs(family: string, table: string): boolean {
  return family === FAMILY && table === TABLE;
}

/** "eth*" names every interface that begins so. */
function isNamed(device: string, name: string): boolean {
  return device.endsWith("*") ? name.startsWith(device.slice(0, -1)) : name === device;
}

function isRefusal(statement: Statement): boolean {
  return "drop" in statement || "reject" in statement || xtName(statement, "target") === "REJECT";
}

function targetOf(statement: Statement): string | undefined {
  const jump = (statement["jump"] ?? statement["goto"]) as { target?: string } | null | undefined;
  return jump?.target;
}

function destination(dnat: unknown): { address?: string; port?: number } {
  const { addr, port } = (dnat ?? {}) as { addr?: unknown; port?: unknown };
  return {
    ...(typeof addr === "string" && { address: addr }),
    ...(typeof port === "number" && { port }),
  };
}
