/** firewall-cmd: rich rules, ports, services and direct rules. */

import { parseDuration } from "../../core/duration.ts";
import type { PortRange } from "../../core/port.ts";
import {
  type Change,
  type Effect,
  firewallOnly,
  GUARD_INSTEAD,
  KEPT,
  sourceDifferences,
  UNSURE,
  withInstead,
} from "../effect.ts";
import { isProto, portListOf } from "../service-ports.ts";
import { iptablesEffect } from "./iptables.ts";

/** "30" and "30s" are seconds. */
function timeoutMs(text: string): number | undefined {
  return parseDuration(/^\d+$/.test(text) ? `${text}s` : text);
}

/** Quotes inside a rule that was quoted as a whole. */
const bare = (text: string) => text.replaceAll(/["']/g, "");

/** The ports that a rich rule lets in or keeps out. */
function richRule(text: string, adds: boolean): Effect {
  const words = bare(text).trim().split(/\s+/);
  let element = "";
  let source: string | undefined;
  let ports: PortRange[] | undefined;
  let action: string | undefined;
  let portText: string | undefined;
  const differences: string[] = [];
  for (const word of words) {
    const [key = "", value] = word.split("=");
    if (value === undefined) {
      if (key === "NOT" || key === "not")
        return firewallOnly('it has a condition that is turned round by "not"');
      if (["accept", "reject", "drop"].includes(key)) action = key;
      else if (
        !["rule", "source", "destination", "port", "service", "log", "audit"].includes(key)
      ) {
        return firewallOnly(`it has "${key}", which a door has not`);
      }
      element = key;
    } else if (key === "address" && element === "source") source = value;
    else if (key === "address") {
      differences.push(`knockd opened it at ${value} alone; a door opens it at every address here`);
    } else if (key === "port" && element === "port") portText = value;
    else if (key === "protocol" && element === "port") {
      ports = isProto(value) && portText !== undefined ? portListOf(portText, value) : undefined;
    } else if (key === "name" && element === "service") ports = portListOf(value, undefined);
    else if (!["family", "priority", "prefix", "level", "type"].includes(key)) {
      return firewallOnly(`it has "${key}", which a door has not`);
    }
  }
  if (action === undefined) return firewallOnly("it neither accepts nor refuses");
  const from = sourceDifferences(source);
  if (from === undefined) return firewallOnly(`it is about ${source}, and not about the knocker`);
  if (ports === undefined) return firewallOnly("it names no port that is known here");
  const opens = (action === "accept") === adds;
  return {
    kind: opens ? "open" : "close",
    ports,
    differences: [...differences, ...(opens ? from : [])],
  };
}

/** "22/tcp" or "5000-5010/udp". */
function portOption(text: string, adds: boolean): Effect {
  const [port = "", proto] = text.split("/");
  const ports = isProto(proto) ? portListOf(port, proto) : undefined;
  if (ports === undefined) return firewallOnly(`"${text}" is no port`);
  return {
    kind: adds ? "open" : "close",
    ports,
    differences: adds ? (sourceDifferences(undefined) ?? []) : [],
  };
}

function serviceOption(name: string, adds: boolean): Effect {
  const ports = portListOf(name, undefined);
  if (ports === undefined)
    return firewallOnly(`the ports of the service "${name}" are not known here`);
  return {
    kind: adds ? "open" : "close",
    ports,
    differences: adds ? (sourceDifferences(undefined) ?? []) : [],
  };
}

/** `--direct --add-rule ipv4 filter INPUT 0 …`: a rule of iptables. */
function directRule(args: readonly string[]): Effect {
  const at = args.findIndex((word) => word === "--add-rule" || word === "--remove-rule");
  if (at < 0) return firewallOnly("it is a direct rule of another kind");
  const [, table = "", chain = "", , ...rule] = args.slice(at + 1);
  const verb = args[at] === "--add-rule" ? "-A" : "-D";
  return iptablesEffect(["-t", table, verb, chain, ...rule]);
}

/** The remedy for a call that a door cannot express, whatever it is that the door has not. */
function insteadOf(args: readonly string[]): string {
  const text = args.join(" ");
  if (/\b(drop|reject|block|forward-port|masquerade)\b/.test(text)) return KEPT;
  return /--(add|remove)-(rich-rule|port|service)\b/.test(text) ? GUARD_INSTEAD : UNSURE;
}

/** The effect of a call of firewall-cmd with these arguments. */
export function firewalldEffect(args: readonly string[]): Effect {
  if (args.includes("--direct")) return directRule(args.filter((word) => word !== "--direct"));
  return withInstead(callEffect(args), insteadOf(args));
}

function callEffect(args: readonly string[]): Effect {
  const effects: Effect[] = [];
  let forMs: number | undefined;
  for (let at = 0; at < args.length; at++) {
    const [, name = "", joined] = /^(--?[a-z-]+)(?:=([^]*))?$/.exec(args[at]!) ?? [];
    const value = () => joined ?? args[++at] ?? "";
    const adds = name.startsWith("--add");
    if (["--permanent", "--quiet", "-q"].includes(name)) continue;
    else if (name === "--zone") value();
    else if (name === "--timeout") forMs = timeoutMs(value());
    else if (/^--(add|remove)-rich-rule$/.test(name)) effects.push(richRule(value(), adds));
    else if (/^--(add|remove)-port$/.test(name)) effects.push(portOption(value(), adds));
    else if (/^--(add|remove)-service$/.test(name)) effects.push(serviceOption(value(), adds));
    else if (/^--(reload|complete-reload|runtime-to-permanent)$/.test(name)) {
      effects.push({ kind: "nothing", why: "a door needs no reload" });
    } else if (/^--(add|remove)-source$/.test(name)) {
      return firewallOnly("it moves the whole address to another zone");
    } else return firewallOnly(`it has "${args[at]}", which a door has not`);
  }
  return together(effects, forMs);
}

/** Several options of one call, all with the same effect. */
function together(effects: readonly Effect[], forMs: number | undefined): Effect {
  const other = effects.find(({ kind }) => kind !== "open" && kind !== "close");
  const changes = effects.filter(
    (effect): effect is Change => effect.kind === "open" || effect.kind === "close",
  );
  const [first] = changes;
  if (other !== undefined || first === undefined)
    return other ?? firewallOnly("it changes no rule");
  if (changes.some(({ kind }) => kind !== first.kind))
    return firewallOnly("it opens and closes at once");
  return {
    kind: first.kind,
    ports: changes.flatMap(({ ports }) => ports ?? []),
    differences: [...new Set(changes.flatMap(({ differences }) => differences))],
    ...(forMs !== undefined && first.kind === "open" && { forMs }),
  };
}
