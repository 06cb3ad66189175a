/** The answers of a guarded port on the wire, compared with the kernel's own for a closed one. */

import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { detectDeny } from "../../../src/foreign-rules/deny.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { behindRouter, compareOddities, LINK } from "../../support/odd-probes.ts";
import { finished } from "../../support/programs.ts";
import { guard, ranges } from "../../support/firewall.ts";

const lab = new Lab();
afterAll(() => lab[Symbol.dispose]());

// The kernel answers a host with few ICMP errors a second, guarded port or not.
lab.run("server", ["sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"]);

// The probes bind ports of their own: a socket left open on a port of the kernel's choice would
// collide with them, on a machine's default range once in some twenty runs.
lab.run("client", ["sysctl", "-qw", "net.ipv4.ip_local_port_range=49000 49255"]);

/** A firewall that answers in place of the stack. */
const rejecting = (before: string) => `table inet other {
  chain input { type filter hook input priority 0; policy drop;
    ct state established,related accept
    iif lo accept
    ${before}
    meta l4proto { icmp, icmpv6 } accept
    meta l4proto tcp reject with tcp reset
    meta l4proto udp reject
  }\n}\n`;

const GUARDED = 2_222;
const CLOSED = 3_333;

/** Sends TCP segments with these flags, then UDP datagrams, from fixed ports; several of each. */
const PROBES = `
import socket, struct, sys, time
address, port = sys.argv[1], int(sys.argv[2])
v6 = ":" in address
family = socket.AF_INET6 if v6 else socket.AF_INET
u = socket.socket(family, socket.SOCK_DGRAM); u.connect((address, 9)); source = u.getsockname()[0]; u.close()
pack = lambda a: socket.inet_pton(family, a)
def checksum(b):
    b += b"\\0" * (len(b) % 2)
    s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
for i, flags in enumerate([0x02, 0x02, 0x02, 0xc2, 0x10, 0x01, 0x11, 0x00, 0x29, 0x12]):
    body = lambda check: struct.pack("!HHIIBBHHH", 45000 + i, port, 7000 + i, 9000 if flags & 0x10 else 0, 5 << 4, flags, 1024, check, 0)
    pseudo = pack(source) + pack(address) + (struct.pack("!IHBB", 20, 0, 0, 6) if v6 else struct.pack("!BBH", 0, 6, 20))
    raw.sendto(body(checksum(pseudo + body(0))), (address, 0))
    time.sleep(0.01)
for i in range(3):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind(("", 46000 + i)); s.connect((address, port)); s.send(b"x" * 20)
    time.sleep(0.01)
`;

/** Listens on a port, TCP and UDP, both families. */
const SERVICE = `
import socket, sys, time
s = socket.create_server(("", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u.bind(("::", int(sys.argv[1])))
print("listening", flush=True); time.sleep(1000)
`;

interface Answer {
  readonly text: string;
  readonly label: number;
}

/** Sends a SYN, a bare ACK and a datagram with every type of service, ECN bits included. */
const MARKED_PROBES = `
import socket, struct, sys, time
address, port = sys.argv[1], int(sys.argv[2])
v6 = ":" in address
family = socket.AF_INET6 if v6 else socket.AF_INET
option = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if v6 else (socket.IPPROTO_IP, socket.IP_TOS)
u = socket.socket(family, socket.SOCK_DGRAM); u.connect((address, port)); u.setblocking(False); source = u.getsockname()[0]; u.close()
pack = lambda a: socket.inet_pton(family, a)
def checksum(b):
    s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
pseudo = pack(source) + pack(address) + (struct.pack("!IHBB", 20, 0, 0, 6) if v6 else struct.pack("!BBH", 0, 6, 20))
for service in range(256):
    raw.setsockopt(*option, service)
    for sport, flags in ((47000 + service, 0x02), (48000 + service, 0x10)):
        body = lambda check: struct.pack("!HHIIBBHHH", sport, port, 7000, 9000 if flags & 0x10 else 0, 5 << 4, flags, 1024, check, 0)
        raw.sendto(body(checksum(pseudo + body(0))), (address, 0))
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(*option, service)
    s.bind(("", 49000 + service)); s.connect((address, port)); s.send(b"x" * 20)
    time.sleep(0.002)
`;

/** Replies in their order, without port, checksum and counter. */
async function answers(address: string, port: number, probes = PROBES): Promise<Answer[]> {
  const filter = `src host ${address} and (tcp or icmp or (icmp6 and ip6[40] = 1))`;
  const tap = lab.start("client", [
    "tcpdump",
    "-i",
    "eth0",
    "-n",
    "-x",
    "-l",
    "--immediate-mode",
    "-U",
    filter,
  ]);
  // Read while it runs, which a synchronous run would not do: a full pipe stops the capture.
  const dumped = new Response(tap.stdout).text();
  const notices = tap.stderr.getReader();
  for (let said = ""; !said.includes("listening");) {
    said += new TextDecoder().decode((await notices.read()).value);
  }
  const sender = lab.start("client", ["python3", "-c", probes, address, String(port)]);
  await finished(sender);
  await Bun.sleep(200);
  tap.kill("SIGTERM");
  const dump = await dumped;
  return dump
    .split(/^(?=\d\d:)/m)
    .filter((packet) => packet.includes("0x0000"))
    .map((packet) => {
      const hex = [...packet.matchAll(/^\s+0x[0-9a-f]+:\s+(.*)$/gm)].map(([, line]) =>
        line!.replaceAll(" ", ""),
      );
      return normal(Buffer.from(hex.join(""), "hex"));
    });
}

/** The sum of an IPv4 header, checksum included; 0xffff where that is right (RFC 1071). */
function headerSum(packet: Buffer): number {
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += packet.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

function normal(packet: Buffer): Answer {
  const v6 = packet[0]! >> 4 === 6;
  const proto = packet[v6 ? 6 : 9]!;
  let label = 0;
  if (v6) {
    label = packet.readUInt32BE(0) & 0xf_ffff;
    packet.writeUInt32BE(0x6000_0000 | (packet.readUInt32BE(0) & 0x0ff0_0000), 0);
  } else {
    expect(headerSum(packet)).toBe(0xffff);
    packet.writeUInt16BE(0, 10); // header checksum: it differs with the identification
    if (proto === 1) packet.writeUInt16BE(0, 4); // ICMP counts its packets; RST has identification 0
  }
  const at = v6 ? 40 : 20;
  if (proto === 6) {
    packet.writeUInt16BE(0, at); // source port: the probed one
    packet.writeUInt16BE(0, at + 16); // checksum
  } else {
    packet.writeUInt16BE(0, at + 2); // checksum, then the quoted packet's own differences
    const quoted = at + 8;
    if (v6) packet.writeUInt32BE(0, quoted);
    else {
      packet.writeUInt16BE(0, quoted + 4);
      packet.writeUInt16BE(0, quoted + 10);
    }
    const inner = quoted + (v6 ? 40 : 20);
    packet.writeUInt16BE(0, inner + 2);
    packet.writeUInt16BE(0, inner + 6);
  }
  return { text: packet.toString("hex"), label };
}

describe("IPv6 to what is no address of the server", () => {
  const network = "fd78::";
  const unreachable = "fd79::1";

  test.each(["0", "1"])(
    "a guarded port is as silent as a closed one, forwarding %s",
    async (on) => {
      for (const routed of [`${network}/64`, `${unreachable}/128`]) {
        lab.run("client", ["ip", "-6", "route", "replace", routed, "via", lab.address6.server]);
      }
      lab.run("server", ["ip", "addr", "replace", `${network}1/64`, "dev", "eth0", "nodad"]);
      lab.run("server", ["ip", "-6", "route", "replace", "unreachable", `${unreachable}/128`]);
      lab.run("server", ["sysctl", "-qw", `net.ipv6.conf.all.forwarding=${on}`]);
      guard(lab, { guarded: ranges(`${GUARDED}/tcp`, `${GUARDED}/udp`) });
      for (const address of [network, unreachable]) {
        const closed = await answers(address, CLOSED);
        const guarded = await answers(address, GUARDED);
        expect(guarded.map(({ text }) => text)).toEqual(closed.map(({ text }) => text));
      }
      lab.run("server", ["sysctl", "-qw", "net.ipv6.conf.all.forwarding=0"]);
    },
  );
});

describe.each([
  ["IPv4", lab.address4.server],
  ["IPv6", lab.address6.server],
])("%s", (_, server) => {
  test("a guarded port answers byte for byte as a closed one: resets, ICMP errors and silence alike", async () => {
    guard(lab, { guarded: ranges(`${GUARDED}/tcp`, `${GUARDED}/udp`) });
    const closed = await answers(server, CLOSED);
    const guarded = await answers(server, GUARDED);
    expect(closed.length).toBeGreaterThan(8);
    expect(guarded.map(({ text }) => text)).toEqual(closed.map(({ text }) => text));
    expect(guarded.map(({ label }) => label !== 0)).toEqual(closed.map(({ label }) => label !== 0));
  });

  test("a guarded port echoes the type of service of its probes as a closed one does", async () => {
    guard(lab, { guarded: ranges(`${GUARDED}/tcp`, `${GUARDED}/udp`) });
    const closed = await answers(server, CLOSED, MARKED_PROBES);
    const guarded = await answers(server, GUARDED, MARKED_PROBES);
    expect(closed.length).toBe(3 * 256);
    expect(guarded.map(({ text }) => text)).toEqual(closed.map(({ text }) => text));
    // A label is 0 by chance once in a million.
    const others = guarded.filter(({ label }, i) => (label !== 0) !== (closed[i]!.label !== 0));
    expect(others.length).toBeLessThanOrEqual(1);
    // The bits that share a byte with the class are random too: with 512 labels, each value occurs.
    const first = new Set(guarded.map(({ label }) => label >>> 16));
    expect(first.size).toBe(server.includes(":") ? 16 : 1);
  }, 30_000);

  test("a reset has another flow label for another flow, and the same for the same", async () => {
    guard(lab, { guarded: ranges(`${GUARDED}/tcp`, `${GUARDED}/udp`) });
    const labels = (await answers(server, GUARDED)).slice(0, 8).map(({ label }) => label);
    expect(new Set(labels).size).toBe(server.includes(":") ? 8 : 1);
    expect((await answers(server, GUARDED)).slice(0, 8).map(({ label }) => label)).toEqual(labels);
  });
});

test("a host whose stack sets no flow labels gets none from the guard", async () => {
  lab.run("server", ["sysctl", "-qw", "net.ipv6.auto_flowlabels=0"]);
  guard(lab, { guarded: ranges(`${GUARDED}/tcp`) });
  const labels = (await answers(lab.address6.server, GUARDED))
    .slice(0, 8)
    .map(({ label }) => label);
  expect(new Set(labels)).toEqual(new Set([0]));
  lab.run("server", ["sysctl", "-qw", "net.ipv6.auto_flowlabels=1"]);
});

test("the marks of other tables' connections are left alone, and none of ours shows to them", async () => {
  guard(lab, { guarded: ranges(`${GUARDED}/tcp`) });
  lab.run("server", ["nft", "-f", "-"], {
    input: `table inet other {
      chain pre { type filter hook prerouting priority -160; tcp dport ${GUARDED} tcp sport 48000-48255 ct mark set 7; }
      chain out { type filter hook output priority -200; tcp sport ${GUARDED} jump seen; }
      chain seen { ct mark 7 counter; ct mark != { 0, 7 } counter; }
    }`,
  });
  await answers(lab.address4.server, GUARDED, MARKED_PROBES);
  const { out } = lab.run("server", ["nft", "list", "chain", "inet", "other", "seen"]);
  lab.run("server", ["nft", "delete", "table", "inet", "other"]);
  expect(out).toMatch(/ct mark 0x00000007 counter packets 256 /);
  expect(out).toMatch(/ct mark != .* counter packets 0 /);
});

describe("odd packets", () => {
  const router = behindRouter(lab);
  // Addresses that are the server's by a route of another table.
  for (const [ip, net, via] of [
    ["-4", "10.98.0.0/24", lab.address4],
    ["-6", "fd98::/64", lab.address6],
  ] as const) {
    lab.run("stranger", ["ip", ip, "route", "add", net, "via", via.server]);
    lab.run("server", ["ip", ip, "route", "add", net, "via", via.client]);
    lab.run("server", ["ip", ip, "route", "add", "local", "default", "dev", "lo", "table", "100"]);
    lab.run("server", ["ip", ip, "rule", "add", "fwmark", "7", "lookup", "100"]);
  }
  lab.run("server", ["nft", "-f", "-"], {
    input: `table inet marks { chain m { type filter hook prerouting priority 0;
      ip daddr 10.98.0.0/24 meta mark set 7
      ip6 daddr fd98::/64 meta mark set 7
    }\n}\n`,
  });
  // As on a machine of a distribution: an answer must not show that a service listens behind the
  // guard.
  const serving = lab.start("server", ["python3", "-c", SERVICE, String(GUARDED)]);
  const listening = serving.stdout.getReader().read();
  test.each([
    ["IPv4, on the link", lab.address4.server, LINK],
    ["IPv6, on the link", lab.address6.server, LINK],
    ["IPv4, behind a router", lab.address4.server, router],
    ["IPv6, behind a router", lab.address6.server, router],
    ["IPv4, to an address of another table", "10.98.0.5", LINK],
    ["IPv6, to an address of another table", "fd98::5", LINK],
  ])(
    "a guarded port answers them as a closed one does: %s",
    async (_, server, vantage) => {
      await listening;
      guard(lab, { guarded: ranges(`${GUARDED}/tcp`, `${GUARDED}/udp`) });
      const { probes, different } = compareOddities(lab, vantage, {
        server,
        guarded: GUARDED,
        closed: CLOSED,
      });
      expect(probes).toBeGreaterThan(1_500);
      expect(different).toEqual([]);
    },
    60_000,
  );
});

describe("odd packets to a host whose firewall answers", () => {
  const FIREWALLS = {
    firewalld: readFileSync(
      `${import.meta.dir}/../../golden/rules/firewalld-1.3.3-public.nft`,
      "utf8",
    ),
    "resets by rule": rejecting(""),
    "resets by rule, but not of what is invalid": rejecting("ct state invalid drop"),
  };
  const apart = new Lab();
  const { server: server4 } = apart.address4;
  const { server: server6 } = apart.address6;
  afterAll(() => apart[Symbol.dispose]());

  test.each(
    Object.entries(FIREWALLS).flatMap(([name, rules]) =>
      [server4, server6].map((server) => ({ name, rules, server })),
    ),
  )(
    "a guarded port answers them as a closed one does: $name, $server",
    ({ rules, server }) => {
      apart.run("server", ["nft", "flush", "ruleset"]);
      apart.run("server", ["nft", "-f", "-"], { input: rules });
      const deny = inside(apart.namespace("server"), detectDeny);
      guard(apart, { guarded: ranges(`${GUARDED}/tcp`, `${GUARDED}/udp`), deny });
      const { different } = compareOddities(apart, LINK, {
        server,
        guarded: GUARDED,
        closed: CLOSED,
      });
      expect(different).toEqual([]);
    },
    60_000,
  );
});
