/**
 * Check: the listening sockets behind the doors, in the way of knocks, and at the health listener's
 * port.
 */

import type { Settings } from "../config/settings.ts";
import { formatAddress, isLoopback, parseAddress } from "../core/address.ts";
import { freeRange } from "../config/free-range.ts";
import { formatPort, formatPortRange, type PortRange, rangesOverlap } from "../core/port.ts";
import { guardedPorts } from "../config/guarded-ports.ts";
import { type Findings, listed, ok, problem, warning } from "../core/finding.ts";
import type { ListeningSocket } from "./sockets.ts";

export interface ServiceFacts {
  readonly settings: Settings;
  readonly sockets: readonly ListeningSocket[];
  /** By inode */
  readonly names: ReadonlyMap<string, string>;
  /** Guarded ports that other tables send elsewhere: they need no listener here. */
  readonly published: ReadonlySet<string>;
  /** Ports of knock ranges that other tables send elsewhere. */
  readonly publishedInRange: readonly PortRange[];
  /** Our own daemon runs, so its health listener has its port. */
  readonly daemonRuns: boolean;
}

/** The knock ranges of rotating doors, once each. */
export function knockRanges({ doors }: Settings): PortRange[] {
  const ranges = new Map<string, PortRange>();
  for (const { users, space } of doors) {
    if (users.length === 0) continue;
    const range = { proto: space.proto, from: space.lo, to: space.hi };
    ranges.set(formatPortRange(range), range);
  }
  return [...ranges.values()];
}

/** Sockets that knocks in rotating ranges would reach; knocks do not reach loopback ones. */
export function inKnockRange({ settings, sockets }: Pick<ServiceFacts, "settings" | "sockets">) {
  const ranges = knockRanges(settings);
  return sockets.flatMap((socket) => {
    if (isLoopback(socket.address)) return [];
    const range = ranges.find((one) => rangesOverlap(one, rangeOf(socket)));
    return range === undefined ? [] : [{ socket, range }];
  });
}

function rangeOf({ proto, port }: ListeningSocket): PortRange {
  return { proto, from: port, to: port };
}

export function checkServices(facts: ServiceFacts): Findings {
  const findings = [...knockedServices(facts), ...emptyDoors(facts), ...healthPort(facts)];
  return findings.length > 0
    ? findings
    : [ok("Every guarded port has a service, and none listens where knocks arrive")];
}

type KnockedFacts = Pick<ServiceFacts, "settings" | "sockets" | "names" | "publishedInRange">;

/** Services of this machine that knocks would reach, and a range without them. */
export function knockedServices(facts: KnockedFacts): Findings {
  const { settings, publishedInRange } = facts;
  const remedy = remedyFor(facts);
  const said = new Map<string, Findings[number]>();
  for (const { socket, range } of inKnockRange(facts)) {
    const port = formatPort(socket);
    const name = facts.names.get(socket.inode) ?? "Some process";
    const effect =
      socket.proto === "tcp" ? "completes a handshake with it" : "hands it an empty datagram";
    said.set(
      `${port} ${name}`,
      warning(
        `${name} listens on ${port}, inside the knock range ${formatPortRange(range)}: a knock there ${effect}`,
        remedy,
      ),
    );
  }
  const ranges = knockRanges(settings);
  for (const published of publishedInRange) {
    // Docker's proxy listens on it too: one report is enough.
    if (facts.sockets.some((socket) => rangesOverlap(rangeOf(socket), published))) continue;
    const range = ranges.find((one) => rangesOverlap(one, published))!;
    const ports = formatPortRange(published);
    said.set(
      ports,
      warning(
        `Another table publishes ${ports}, inside the knock range ${formatPortRange(range)}: a knock there reaches the published service`,
        remedy,
      ),
    );
  }
  return [...said.values()];
}

function remedyFor({ settings, sockets, publishedInRange }: KnockedFacts): string {
  const door = settings.doors.find(({ users }) => users.length > 0);
  if (door === undefined) return "";
  const taken = [
    ...sockets.filter(({ address }) => !isLoopback(address)).map(({ port }) => port),
    ...[...publishedInRange, ...guardedPorts(settings)].flatMap(portsIn),
    ...settings.doors.flatMap(({ fixed }) => fixed?.knocks.map(({ port }) => port) ?? []),
  ];
  const free = freeRange(door.space, taken);
  if (free === undefined) return "move the service, or knock.range";
  return `move the service, or write range = "${free.lo}-${free.hi}" in [knock], which holds none, and hand out new links`;
}

function portsIn({ from, to }: PortRange): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function emptyDoors({ settings, sockets, published }: ServiceFacts): Findings {
  return settings.doors.flatMap(({ name, opens }) => {
    const empty = opens.filter(
      (range) =>
        !sockets.some(({ proto, port, address }) => {
          if (isLoopback(address)) return false;
          return proto === range.proto && range.from <= port && port <= range.to;
        }) && ![...published].some((port) => inRange(port, range)),
    );
    if (empty.length === 0) return [];
    return [
      warning(
        `Nothing listens on ${listed(empty.map(formatPortRange))}, which door.${name} opens`,
        "start the service, or bind it to an address that others reach",
      ),
    ];
  });
}

function inRange(published: string, { proto, from, to }: PortRange): boolean {
  const [port, its] = published.split("/");
  return its === proto && from <= Number(port) && Number(port) <= to;
}

function healthPort({ settings, sockets, names, daemonRuns }: ServiceFacts): Findings {
  if (daemonRuns) return [];
  const { host, port } = settings.api.listen;
  const address = parseAddress(host);
  const holder = sockets.find(
    (socket) =>
      socket.proto === "tcp" &&
      socket.port === port &&
      (address === undefined ||
        /^(0\.0\.0\.0|::)$/.test(formatAddress(socket.address)) ||
        formatAddress(socket.address) === formatAddress(address)),
  );
  if (holder === undefined) return [];
  return [
    problem(
      `${names.get(holder.inode) ?? "Another process"} listens on ${port}/tcp already, where api.listen puts health and metrics: sallyport cannot start`,
      "stop that one, or set another port in [api].listen",
    ),
  ];
}
