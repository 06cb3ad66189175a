/** Ports as rules of firewalls name them: numbers, ranges, lists, and the services that people open by a knock. */

import type { PortRange, Proto } from "../core/port.ts";

/** Names of /etc/services and of ufw's and firewalld's own lists; both protocols where a service has both. */
const SERVICES: Readonly<Record<string, readonly [port: number, ...protos: Proto[]]>> = {
  ssh: [22, "tcp"],
  openssh: [22, "tcp"],
  telnet: [23, "tcp"],
  ftp: [21, "tcp"],
  smtp: [25, "tcp"],
  domain: [53, "tcp", "udp"],
  dns: [53, "tcp", "udp"],
  http: [80, "tcp"],
  www: [80, "tcp"],
  pop3: [110, "tcp"],
  imap: [143, "tcp"],
  imap2: [143, "tcp"],
  https: [443, "tcp"],
  smtps: [465, "tcp"],
  submission: [587, "tcp"],
  imaps: [993, "tcp"],
  pop3s: [995, "tcp"],
  openvpn: [1194, "udp"],
  mysql: [3306, "tcp"],
  "ms-wbt-server": [3389, "tcp"],
  rdp: [3389, "tcp"],
  postgresql: [5432, "tcp"],
  "vnc-server": [5900, "tcp"],
  rsync: [873, "tcp"],
  nfs: [2049, "tcp", "udp"],
  cockpit: [9090, "tcp"],
  "http-alt": [8080, "tcp"],
  wireguard: [51820, "udp"],
};

/** The protocols of a rule without one. */
const BOTH: readonly Proto[] = ["tcp", "udp"];

function rangeOf(text: string, proto: Proto): PortRange | undefined {
  const [, low, high] = /^(\d{1,5})(?:[:-](\d{1,5}))?$/.exec(text) ?? [];
  if (low === undefined) return undefined;
  const from = Number(low);
  const to = Number(high ?? low);
  return from >= 1 && to <= 65_535 && from <= to ? { proto, from, to } : undefined;
}

/**
 * One port, range ("1:2" or "1-2") or service; `proto` undefined: those of the service, else both.
 */
export function portsOf(text: string, proto: Proto | undefined): PortRange[] | undefined {
  const service = SERVICES[text.toLowerCase()];
  if (service !== undefined) {
    const [port, ...protos] = service;
    const of = proto === undefined ? protos : [proto];
    return of.map((one) => ({ proto: one, from: port, to: port }));
  }
  const ranges = (proto === undefined ? BOTH : [proto]).map((one) => rangeOf(text, one));
  return ranges.every((range) => range !== undefined) ? ranges : undefined;
}

/** Like `portsOf`, for several separated by commas. */
export function portListOf(text: string, proto: Proto | undefined): PortRange[] | undefined {
  const all = text.split(",").map((one) => portsOf(one.trim(), proto));
  return all.every((ranges) => ranges !== undefined) ? all.flat() : undefined;
}

export function isProto(text: string | undefined): text is Proto {
  return text === "tcp" || text === "udp";
}
