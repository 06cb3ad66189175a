/** ufw: the effect of an added or removed rule on a port. */

import type { PortRange } from "../../core/port.ts";
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

const LETS = new Set(["allow", "limit"]);
const KEEPS_OUT = new Set(["deny", "reject"]);

/** The remedy for a call that a door cannot express, whatever it is that the door has not. */
function insteadOf(args: readonly string[]): string {
  if (args.some((word) => KEEPS_OUT.has(word) || word === "out")) return KEPT;
  if (!args.some((word) => LETS.has(word))) return UNSURE;
  return args.includes("route") ? FORWARDED : GUARD_INSTEAD;
}

/** The effect of a call of ufw with these arguments. */
export function ufwEffect(args: readonly string[]): Effect {
  return withInstead(callEffect(args), insteadOf(args));
}

function callEffect(args: readonly string[]): Effect {
  const words = args.filter((word) => word !== "--force");
  const take = (...names: string[]): boolean => {
    if (!names.includes(words[0] ?? "")) return false;
    words.shift();
    return true;
  };
  if (words[0] === "reload") return { kind: "nothing", why: "a door needs no reload" };
  if (words[0] === "status") return { kind: "nothing", why: "it only lists rules" };
  if (words[0] === "--dry-run") return { kind: "nothing", why: "it is a test run" };
  if (take("route")) return firewallOnly("it is about forwarded packets");
  const deletes = take("delete");
  if (deletes && /^\d+$/.test(words[0] ?? ""))
    return { kind: "close", ports: undefined, differences: [] };
  if (take("insert")) words.shift();
  take("prepend");
  const verb = words.shift() ?? "";
  if (!LETS.has(verb) && !KEEPS_OUT.has(verb)) return firewallOnly(`it is "ufw ${verb}"`);
  const lets = LETS.has(verb);
  const differences: string[] = [];
  if (verb === "limit" && !deletes)
    differences.push("ufw limited how often one connects; a door does not");
  return matchEffect(words, lets !== deletes, differences);
}

function matchEffect(words: readonly string[], opens: boolean, differences: string[]): Effect {
  let source: string | undefined;
  let proto: string | undefined;
  let portText: string | undefined;
  let side: "from" | "to" = "to";
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const value = words[at + 1] ?? "";
    if (word === "in" || word === "log" || word === "log-all") continue;
    if (word === "out") return firewallOnly("it is about what goes out");
    if (word === "on")
      differences.push(`knockd opened it at ${value} alone; a door opens it at every interface`);
    else if (word === "proto") proto = value;
    else if (word === "from") {
      side = "from";
      source = value === "any" ? undefined : value;
    } else if (word === "to") {
      side = "to";
      if (value !== "any") {
        differences.push(
          `knockd opened it at ${value} alone; a door opens it at every address here`,
        );
      }
    } else if (word === "port" || word === "app") {
      if (side === "from") return firewallOnly("it is about the port of the client");
      portText = value;
    } else if (word !== "comment") {
      // The short form: "22/tcp", "80,443/tcp", "OpenSSH".
      const [, short = "", of] = /^([^/]+)(?:\/(\w+))?$/.exec(word) ?? [];
      portText = short;
      proto = of ?? proto;
      continue;
    }
    at++;
  }
  const from = sourceDifferences(source);
  if (from === undefined) return firewallOnly(`it is about ${source}, and not about the knocker`);
  if (portText === undefined) return firewallOnly("it is about every port");
  if (proto !== undefined && proto !== "any" && !isProto(proto))
    return firewallOnly(`it is about ${proto}`);
  const ports: PortRange[] | undefined = portListOf(portText, isProto(proto) ? proto : undefined);
  if (ports === undefined) return firewallOnly(`"${portText}" is no port that is known here`);
  return {
    kind: opens ? "open" : "close",
    ports,
    differences: [...differences, ...(opens ? from : [])],
  };
}
