/** nft: the effect of an added or removed rule on a port. */

import type { PortRange, Proto } from "../../core/port.ts";
import {
  type Effect,
  firewallOnly,
  FORWARDED,
  GUARD_INSTEAD,
  KEPT,
  sourceDifferences,
  UNSURE,
  withInstead,
} from "../effect.ts";
import { isProto, portListOf } from "../service-ports.ts";

const FAMILIES = new Set(["ip", "ip6", "inet", "bridge", "arp", "netdev"]);

/** The words of a rule: braces, commas and quoted text are words of their own. */
function ruleWords(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|[{},]|[^\s{},"]+/g)].map(
    ([whole, quoted]) => quoted ?? whole,
  );
}

/** The value at the front: a word, or a set in braces as one text with commas. */
function takeValue(words: string[]): string {
  const first = words.shift() ?? "";
  if (first !== "{") return first;
  const end = words.indexOf("}");
  const items = words.splice(0, end < 0 ? words.length : end + 1);
  return items.filter((item) => !/^[{},]$/.test(item)).join(",");
}

interface Rule {
  source?: string;
  proto?: Proto;
  ports?: PortRange[];
  verdict?: string;
  readonly differences: string[];
}

/** Reads one match or statement off the front; returns an Effect where a door has no equivalent. */
function takeStatement(words: string[], rule: Rule): Effect | undefined {
  const first = words.shift() ?? "";
  if (["accept", "drop", "reject"].includes(first)) {
    rule.verdict = first;
    if (first === "reject") words.splice(0);
    return undefined;
  }
  if (first === "counter") return undefined;
  if (first === "comment") {
    words.shift();
    return undefined;
  }
  if (first === "log") {
    while (["prefix", "level", "group", "snaplen", "flags"].includes(words[0] ?? ""))
      words.splice(0, 2);
    return undefined;
  }
  if (["iif", "iifname"].includes(first)) {
    const name = takeValue(words);
    rule.differences.push(`knockd opened it at ${name} alone; a door opens it at every interface`);
    return undefined;
  }
  const second = words.shift() ?? "";
  const value = takeValue(words);
  if (/^(!=|==|<|>|<=|>=)$/.test(value))
    return firewallOnly(`it has the condition "${first} ${second} ${value}"`);
  if ((first === "ip" || first === "ip6") && second === "saddr") rule.source = value;
  else if ((first === "ip" || first === "ip6") && second === "daddr") {
    rule.differences.push(
      `knockd opened it at ${value} alone; a door opens it at every address here`,
    );
  } else if (["tcp", "udp", "th"].includes(first) && second === "dport") {
    const ports = portListOf(value, isProto(first) ? first : rule.proto);
    if (ports === undefined) return firewallOnly(`"${value}" is no port that is known here`);
    rule.ports = ports;
  } else if (first === "ct" && second === "state") {
    if (!value.split(",").includes("new")) {
      return { kind: "nothing", why: "connections that exist live on without a rule" };
    }
  } else if (`${first} ${second}` === "meta l4proto" || `${first} ${second}` === "ip protocol") {
    if (!isProto(value)) return firewallOnly(`it is about ${value}`);
    rule.proto = value;
  } else if (`${first} ${second}` !== "meta nfproto") {
    return firewallOnly(`it has "${first} ${second}", which a door has not`);
  }
  return undefined;
}

const LETS_NOBODY_IN = new Set(["drop", "reject", "dnat", "snat", "masquerade", "redirect"]);

/** The remedy for a call that a door cannot express, whatever it is that the door has not. */
function insteadOf([, what = "", ...words]: readonly string[]): string {
  const [, chain = ""] = FAMILIES.has(words[0] ?? "") ? words.slice(1) : words;
  if (words.some((word) => LETS_NOBODY_IN.has(word))) return KEPT;
  if (what !== "rule") return UNSURE;
  if (/output|postrouting|prerouting/i.test(chain)) return KEPT;
  return /forward/i.test(chain) ? FORWARDED : GUARD_INSTEAD;
}

/** The effect of a call of nft with these arguments. */
export function nftEffect(args: readonly string[]): Effect {
  const words = ruleWords(args.filter((word) => !/^-[aeny]+$/.test(word)).join(" "));
  return withInstead(callEffect(words), insteadOf(words));
}

function callEffect(all: readonly string[]): Effect {
  const words = [...all];
  const [verb = "", what = ""] = words.splice(0, 2);
  if (verb === "list") return { kind: "nothing", why: "it only lists rules" };
  if (what === "element") {
    return firewallOnly(
      `it changes the set ${words.slice(0, 3).join(" ")}, and which ports that is about stands in another rule`,
    );
  }
  if (what !== "rule") return firewallOnly(`it is "nft ${verb} ${what}"`);
  if (FAMILIES.has(words[0] ?? "")) words.shift();
  const [, chain = ""] = words.splice(0, 2);
  if (verb === "delete") return { kind: "close", ports: undefined, differences: [] };
  if (verb !== "add" && verb !== "insert") return firewallOnly(`it is "nft ${verb} rule"`);
  if (["position", "handle", "index"].includes(words[0] ?? "")) words.splice(0, 2);
  if (/forward|output|postrouting|prerouting/i.test(chain)) {
    return firewallOnly(`its chain ${chain} is not of what comes in to this machine`);
  }
  const rule: Rule = { differences: [] };
  if (!/input/i.test(chain))
    rule.differences.push(`its chain ${chain} is taken for one of what comes in`);
  while (words.length > 0) {
    const other = takeStatement(words, rule);
    if (other !== undefined) return other;
  }
  const { source, ports, verdict, differences } = rule;
  if (verdict === undefined) return firewallOnly("it neither accepts nor drops");
  const from = sourceDifferences(source);
  if (from === undefined) return firewallOnly(`it is about ${source}, and not about the knocker`);
  if (ports === undefined) return firewallOnly("it is about every port");
  const opens = verdict === "accept";
  return {
    kind: opens ? "open" : "close",
    ports,
    differences: [...differences, ...(opens ? from : [])],
  };
}
