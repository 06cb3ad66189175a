/** iptables and ip6tables: the effect of an added or removed rule on a port. */

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

const VERBS: Readonly<Record<string, "add" | "delete" | "check">> = {
  "-A": "add",
  "--append": "add",
  "-I": "add",
  "--insert": "add",
  "-D": "delete",
  "--delete": "delete",
  "-C": "check",
  "--check": "check",
};

/** Options by their meaning here. */
const MEANINGS: Readonly<Record<string, string>> = {
  "-t": "table",
  "--table": "table",
  "-s": "source",
  "--src": "source",
  "--source": "source",
  "-d": "destination",
  "--dst": "destination",
  "--destination": "destination",
  "-p": "protocol",
  "--proto": "protocol",
  "--protocol": "protocol",
  "--dport": "ports",
  "--dports": "ports",
  "--destination-port": "ports",
  "--destination-ports": "ports",
  "-i": "interface",
  "--in-interface": "interface",
  "-m": "match",
  "--match": "match",
  "--state": "state",
  "--ctstate": "state",
  "-j": "target",
  "--jump": "target",
  // Options that a door need not know.
  "--comment": "ignored",
  "--reject-with": "ignored",
  "-W": "ignored",
  "--wait-interval": "ignored",
};
const ALONE = new Set([
  "-v",
  "--verbose",
  "-n",
  "--numeric",
  "--syn",
  "-4",
  "-6",
  "--ipv4",
  "--ipv6",
]);
const MATCHES = new Set(["tcp", "udp", "multiport", "state", "conntrack", "comment"]);
const WHOLE = new Set([
  "-P",
  "-F",
  "-X",
  "-N",
  "-Z",
  "-E",
  "-R",
  "--policy",
  "--flush",
  "--replace",
]);
const LISTS = new Set(["-L", "-S", "--list", "--list-rules"]);

const FORWARD_CHAIN = /^(FORWARD|DOCKER(-USER|-INGRESS)?|ufw-user-forward)$/;
const OTHER_CHAIN = /^(OUTPUT|PREROUTING|POSTROUTING|ufw-user-output)$/;
/** Targets of iptables-extensions(8) that let nobody in. Others are chains, which may. */
const LETS_NOBODY_IN =
  /^(DROP|REJECT|TARPIT|DNAT|SNAT|MASQUERADE|REDIRECT|NETMAP|TPROXY|LOG|NFLOG|ULOG|MARK|CONNMARK|SET|NOTRACK|CT)$/;

function chainProblem(chain: string): Effect | undefined {
  if (FORWARD_CHAIN.test(chain)) return firewallOnly(`its chain ${chain} is of forwarded packets`);
  if (OTHER_CHAIN.test(chain)) return firewallOnly(`its chain ${chain} is not of what comes in`);
  return undefined;
}

/** The remedy for a rule that a door cannot express, whatever it is that the door has not. */
function insteadOf(args: readonly string[]): string {
  let instead = GUARD_INSTEAD;
  for (let at = 0; at < args.length; at++) {
    const { name, value = "" } = takeOption(args.slice(at));
    const meaning = MEANINGS[name];
    if (meaning === "table" && value !== "filter") return KEPT;
    if (meaning === "target" && LETS_NOBODY_IN.test(value)) return KEPT;
    if (/^(-P|--policy)$/.test(name) && args[at + 2] === "DROP") return KEPT;
    if (VERBS[name] !== undefined && OTHER_CHAIN.test(value)) return KEPT;
    if (VERBS[name] !== undefined && FORWARD_CHAIN.test(value)) instead = FORWARDED;
    else if (WHOLE.has(name)) instead = UNSURE;
  }
  return instead;
}

/** The option at `args[0]` with its value: "--dport=22" is "--dport 22", "-w" may have a number. */
function takeOption(args: readonly string[]): {
  name: string;
  value: string | undefined;
  used: number;
} {
  const [first = "", second] = args;
  const equals = first.startsWith("--") ? first.indexOf("=") : -1;
  if (equals > 0) return { name: first.slice(0, equals), value: first.slice(equals + 1), used: 1 };
  if (first === "-w" || first === "--wait") {
    return { name: first, value: undefined, used: /^\d+$/.test(second ?? "") ? 2 : 1 };
  }
  return { name: first, value: second, used: 2 };
}

/** The effect of a call of iptables with these arguments. */
export function iptablesEffect(args: readonly string[]): Effect {
  return withInstead(callEffect(args), insteadOf(args));
}

function callEffect(args: readonly string[]): Effect {
  let verb: "add" | "delete" | "check" | undefined;
  let chain = "";
  let byNumber = false;
  let portText: string | undefined;
  const given: Partial<Record<string, string>> = {};
  const differences: string[] = [];
  for (let at = 0; at < args.length;) {
    const { name, value, used } = takeOption(args.slice(at));
    if (name === "-w" || name === "--wait") at += used;
    else if (ALONE.has(name)) at++;
    else if (name === "--tcp-flags") at += 3;
    else if (name === "!") return firewallOnly('it has a condition that is turned round by "!"');
    else if (WHOLE.has(name)) return firewallOnly("it changes a whole chain");
    else if (LISTS.has(name)) return { kind: "nothing", why: "it only lists rules" };
    else if (VERBS[name] !== undefined) {
      verb = VERBS[name];
      chain = value ?? "";
      at += used;
      if (/^\d+$/.test(args[at] ?? "")) {
        byNumber = verb === "delete";
        at++;
      }
    } else {
      const meaning = MEANINGS[name];
      if (meaning === undefined || value === undefined) {
        return firewallOnly(`it has "${name}", which a door has not`);
      }
      if (meaning === "ports") portText = value;
      else if (meaning === "match" && !MATCHES.has(value)) {
        return firewallOnly(`it has the match "${value}", which a door has not`);
      } else if (meaning === "interface") {
        differences.push(`knockd opened it at ${value} alone; a door opens it at every interface`);
      } else if (meaning === "destination" && !/^(0|0\.0\.0\.0|::)(\/0)?$/.test(value)) {
        differences.push(
          `knockd opened it at ${value} alone; a door opens it at every address here`,
        );
      }
      given[meaning] = value;
      at += used;
    }
  }
  if (verb === undefined) return firewallOnly("it names no rule");
  if ((given["table"] ?? "filter") !== "filter") {
    return firewallOnly(`it is in the table ${given["table"]}`);
  }
  const problem = chainProblem(chain);
  if (problem !== undefined) return problem;
  if (verb === "check") return { kind: "nothing", why: "it only asks whether a rule is there" };
  if (byNumber) return { kind: "close", ports: undefined, differences: [] };
  if (!/^INPUT$/.test(chain))
    differences.push(`its chain ${chain} is taken for one of what comes in`);
  if (given["state"] !== undefined && !/NEW/i.test(given["state"])) {
    return { kind: "nothing", why: "connections that exist live on without a rule" };
  }
  return ruleEffect({ verb, portText, given, differences });
}

function ruleEffect(rule: {
  readonly verb: "add" | "delete";
  readonly portText: string | undefined;
  readonly given: Readonly<Partial<Record<string, string>>>;
  readonly differences: readonly string[];
}): Effect {
  const { verb, portText, given } = rule;
  const differences = [...rule.differences];
  const { source, target = "" } = given;
  const lets = target === "ACCEPT";
  if (!lets && target !== "DROP" && target !== "REJECT") {
    return firewallOnly(target === "" ? "it has no target" : `its target is ${target}`);
  }
  const from = sourceDifferences(source);
  if (from === undefined) return firewallOnly(`it is about ${source}, and not about the knocker`);
  let proto = given["protocol"]?.toLowerCase();
  if (proto === "6" || proto === "17") proto = proto === "6" ? "tcp" : "udp";
  if (portText !== undefined && (proto === undefined || proto === "all")) {
    differences.push("iptables takes no port without -p, so that this never opened: taken for tcp");
    proto = "tcp";
  }
  if (!isProto(proto)) return firewallOnly(`it is about ${proto ?? "every protocol and port"}`);
  if (portText === undefined) return firewallOnly(`it is about every port of ${proto}`);
  const ports: PortRange[] | undefined = portListOf(portText, proto);
  if (ports === undefined) return firewallOnly(`"${portText}" is no port that is known here`);
  const kind = lets === (verb === "add") ? "open" : "close";
  return { kind, ports, differences: [...differences, ...(kind === "open" ? from : [])] };
}

/** Debian's knock_helper_ipt.sh, which its own knockd.conf calls knock_add: a rule from short options. */
export function helperEffect(args: readonly string[]): Effect {
  const rule: string[] = [];
  let chain = "INPUT";
  let verb = "";
  let proto = "tcp";
  for (let at = 0; at < args.length; at++) {
    const name = args[at]!;
    if (/^(-a|--append|-i|--insert)$/.test(name)) verb = "-A";
    else if (/^(-x|--delete)$/.test(name)) verb = "-D";
    else if (/^(-t|--test)$/.test(name)) return { kind: "nothing", why: "it is a test run" };
    else if (/^(-v|--verbose)$/.test(name) || name.startsWith("-m") || name.startsWith("--comment"))
      continue;
    else if (!name.startsWith("-")) continue;
    else if (/^(-f|--srcaddr)$/.test(name)) rule.push("-s", args[++at] ?? "");
    else if (/^(-d|--dstport)$/.test(name)) rule.push("--dport", args[++at] ?? "");
    else if (/^(-p|--proto)$/.test(name)) proto = args[++at] ?? "";
    else if (/^(-c|--chain)$/.test(name)) chain = args[++at] ?? "";
    else return firewallOnly(`it has "${name}", which is not known here`);
  }
  if (verb === "") return firewallOnly("it says neither --insert nor --delete");
  return iptablesEffect([verb, chain, "-p", proto, ...rule, "-j", "ACCEPT"]);
}
