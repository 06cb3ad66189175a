/** The commands of knockd that a door can replace, and the effect of each. */

import { type Effect, firewallOnly, UNSURE } from "./effect.ts";
import { firewalldEffect } from "./firewalls/firewalld.ts";
import { helperEffect, iptablesEffect } from "./firewalls/iptables.ts";
import { nftEffect } from "./firewalls/nft.ts";
import { ufwEffect } from "./firewalls/ufw.ts";
import { parseShell, type ShellCommand } from "./shell-commands.ts";
import { withoutWrappers } from "./wrappers.ts";

/** A command, and its effect; `user` is the one that sudo would run it as, unless root. */
export interface Step {
  readonly command: ShellCommand;
  readonly effect: Effect;
  readonly user?: string;
}

const READERS: Readonly<Record<string, (args: readonly string[]) => Effect>> = {
  iptables: iptablesEffect,
  ip6tables: iptablesEffect,
  "iptables-nft": iptablesEffect,
  "ip6tables-nft": iptablesEffect,
  "iptables-legacy": iptablesEffect,
  "ip6tables-legacy": iptablesEffect,
  ufw: ufwEffect,
  nft: nftEffect,
  "firewall-cmd": firewalldEffect,
  knock_add: helperEffect,
  "knock_helper_ipt.sh": helperEffect,
  sleep: sleepEffect,
  true: () => ({ kind: "nothing", why: "it does nothing" }),
  ":": () => ({ kind: "nothing", why: "it does nothing" }),
};

/** Programs for a firewall or a network, which have no effect without privileges. */
const NETWORK = new Set([
  "ipset",
  "ip",
  "tc",
  "conntrack",
  "iptables-restore",
  "fail2ban-client",
  "shorewall",
  "csf",
]);
/** Firewalls of other systems. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  pfctl: "pf",
  ipfw: "ipfw",
  ipf: "ipf",
  netsh: "Windows",
};

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

function sleepEffect(args: readonly string[]): Effect {
  const [, number, unit = "s"] = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(args[0] ?? "") ?? [];
  if (number === undefined || args.length !== 1) return { kind: "program" };
  return { kind: "wait", ms: Math.round(Number(number) * UNIT_MS[unit === "" ? "s" : unit]!) };
}

/** The last part of a path: the name of a program wherever it is. */
export function programName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

const RUNS_FIREWALL =
  /(?:^|[|;&(`]|\b(?:xargs|do|then|else|sudo)\b(?:\s+-\S+)*)\s*(?:\/\S*\/)?(?:ip6?tables|nft|ufw|firewall-cmd|ipset)\b/;

/** Whether a text that sallyport cannot read seems to start a program of a firewall. */
export function runsFirewall(text: string): boolean {
  return RUNS_FIREWALL.test(text);
}

const SHELL_KNOWS = "only a shell knows what its words become";

function effectOf(words: readonly string[], { plain, text }: ShellCommand): Effect {
  const name = programName(words[0] ?? "");
  const foreign = ELSEWHERE[name];
  if (foreign !== undefined) {
    return { kind: "foreign", why: `${name} is the firewall of another system (${foreign})` };
  }
  if (NETWORK.has(name))
    return firewallOnly(`${name} changes the network in a way that a door cannot`, UNSURE);
  const reader = READERS[name];
  if (reader === undefined) {
    const hidden = !plain && runsFirewall(text);
    return hidden ? firewallOnly(SHELL_KNOWS, UNSURE) : { kind: "program" };
  }
  // Whichever rule the shell looks for: it removes one that the start command added.
  const deletes = /^(nft delete rule|iptables -D|ip6tables -D) /.test(
    [name, ...words.slice(1)].join(" "),
  );
  if (!plain && deletes && words.some((word) => /[$`]/.test(word))) {
    return { kind: "close", ports: undefined, differences: [] };
  }
  if (!plain) {
    return name === "sleep" ? { kind: "program" } : firewallOnly(SHELL_KNOWS, UNSURE);
  }
  return reader(words.slice(1));
}

/** `echo "iptables -D …" | at now + 5 minutes`: the time, and the command for then. */
function atLater(text: string): { readonly ms: number; readonly line: string } | undefined {
  const [, , line, number, unit] =
    /^echo\s+(["'])([^]*)\1\s*\|\s*(?:\/usr\/bin\/)?at\s+(?:-M\s+)?now\s*\+\s*(\d+)\s*(min|minute|hour|day)s?$/.exec(
      text,
    ) ?? [];
  if (line === undefined || unit === undefined) return undefined;
  const ms = { min: 60_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 }[unit]!;
  return { ms: Number(number) * ms, line };
}

/** The steps of one command: more than one where it hands a line to another shell. */
function stepsOfCommand(command: ShellCommand): Step[] | undefined {
  const later = atLater(command.text);
  if (later !== undefined) {
    const inner = stepsOf(later.line);
    const wait: Step = { command, effect: { kind: "wait", ms: later.ms } };
    if (inner?.every(({ effect }) => effect.kind === "close")) return [wait, ...inner];
  }
  const { words, user, script } = withoutWrappers(command.words);
  if (script !== undefined && command.plain) {
    const inner = stepsOf(script);
    if (inner !== undefined && inner.length > 0) {
      return inner.map((step, i) =>
        i === 0 ? { ...step, command: { ...step.command, joint: command.joint } } : step,
      );
    }
  }
  const effect = effectOf(words, command);
  // For another user, sudo must start it; sudo then stays in front of it.
  return user === undefined
    ? [{ command: { ...command, words }, effect }]
    : [{ command, effect, user }];
}

/** The effects of a command line, step by step; undefined where only a shell can tell. */
export function stepsOf(line: string): Step[] | undefined {
  const commands = parseShell(line);
  if (commands === undefined) return undefined;
  const steps = commands.map(stepsOfCommand);
  return steps.every((some) => some !== undefined) ? steps.flat() : undefined;
}
