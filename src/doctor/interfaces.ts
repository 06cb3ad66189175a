/** Check: the configured interfaces exist, are up, and have addresses to knock at. */

import type { Link } from "../native/links.ts";
import { type Findings, listed, ok, problem, warning } from "../core/finding.ts";
import { shellWord } from "../core/shell-command.ts";

export interface InterfaceFacts {
  /** `server.interfaces` */
  readonly wanted: readonly string[];
  readonly links: readonly Link[];
}

export function checkInterfaces({ wanted, links }: InterfaceFacts): Findings {
  const any = wanted.includes("any");
  const heard = any ? links.filter(({ loopback }) => !loopback) : named(wanted, links);
  const usable = heard.filter((link) => stateOf(link) === undefined).map(({ name }) => name);
  const missing = any ? [] : wanted.filter((name) => !links.some((link) => isCalled(link, name)));
  // Besides these, "any" hears interfaces that nobody plans to use: an unused port of a board is no
  // fault.
  const weak = any && usable.length > 0 ? [] : heard.filter((link) => stateOf(link) !== undefined);
  const say = usable.length === 0 ? problem : warning;
  const others =
    listed(links.filter(({ loopback }) => !loopback).map(({ name }) => name)) || "none";
  const findings: Findings[number][] = [
    ...missing.map((name) =>
      say(
        `The interface ${name} does not exist: this machine has ${others}`,
        "correct server.interfaces, or bring it up",
      ),
    ),
    ...weak.map((link) => say(`The interface ${link.name} ${stateOf(link)}`, remedyOf(link))),
  ];
  if (usable.length > 0) findings.push(ok(`Knocks can arrive at ${listed(usable)}`));
  else if (findings.length === 0) {
    findings.push(problem("This machine has no interface but lo", "bring one up"));
  }
  return findings;
}

function named(wanted: readonly string[], links: readonly Link[]): Link[] {
  return links.filter((link) => wanted.some((name) => isCalled(link, name)));
}

const isCalled = (link: Link, name: string) => link.name === name || link.otherNames.includes(name);

/** The obstacle to knocks; undefined where there is none. */
function stateOf({ up, carrier, addresses }: Link): string | undefined {
  if (!up) return "is down";
  if (!carrier) return "is up, but nothing is connected to it";
  return addresses.length === 0 ? "has no address" : undefined;
}

function remedyOf({ name, up, carrier }: Link): string {
  if (!up) return `run "ip link set ${shellWord(name)} up"`;
  return carrier ? "give it one, or take it out of server.interfaces" : "connect it";
}
