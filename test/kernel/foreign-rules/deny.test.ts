/** The answer of the host's closed ports, read from real rule sets. */

import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { detectDeny } from "../../../src/foreign-rules/deny.ts";
import type { DenyAnswer } from "../../../src/firewall/deny-answer.ts";
import { loadGuard, removeGuard } from "../../../src/firewall/guard.ts";
import { runNft } from "../../../src/native/libnftables.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { sendSegment } from "../../support/raw-segment.ts";
import { planOf } from "../../support/firewall.ts";
import { clearRules } from "../../support/rules.ts";

const lab = new Lab();
// The kernel answers a host with few ICMP errors a second, guarded port or not.
lab.run("server", ["sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"]);
afterAll(() => lab[Symbol.dispose]());

interface Case {
  readonly name: string;
  readonly rules: string;
  readonly ip: DenyAnswer;
  readonly ip6: DenyAnswer;
}

const INPUT = "type filter hook input priority 0; policy";

const golden = (name: string) =>
  readFileSync(new URL(`../../golden/rules/${name}`, import.meta.url), "utf8");

const CASES: readonly Case[] = [
  { name: "no rules", rules: "", ip: "reset", ip6: "reset" },
  {
    name: "an empty chain that accepts",
    rules: `table inet filter { chain input { ${INPUT} accept; } }`,
    ip: "reset",
    ip6: "reset",
  },
  {
    name: "policy drop with the usual exceptions",
    rules: `table inet filter { chain input { ${INPUT} drop;
      ct state vmap { established : accept, related : accept, invalid : drop }
      iifname "lo" accept
      meta l4proto { icmp, ipv6-icmp } accept
      tcp dport { 22, 80, 443 } accept; } }`,
    ip: "drop",
    ip6: "drop",
  },
  {
    name: "policy drop, and a chain without a name, for which nft has no JSON",
    rules: `table inet filter { chain input { ${INPUT} drop; tcp dport 1-1000 jump { counter; accept; }; } }`,
    ip: "drop",
    ip6: "drop",
  },
  {
    name: "policy drop of IPv4 only",
    rules: `table ip filter { chain INPUT { ${INPUT} drop; tcp dport 22 accept; } }`,
    ip: "drop",
    ip6: "reset",
  },
  {
    name: "policy drop, as an inet table for one family only",
    rules: `table inet filter { chain input { ${INPUT} drop; meta nfproto ipv4 accept; } }`,
    ip: "reset",
    ip6: "drop",
  },
  {
    name: "policy drop, with containers let in: strangers come in by another interface",
    rules: `table inet filter { chain input { ${INPUT} drop; iifname "ctr0" accept; iifname { "docker0", "br-*" } accept; } }`,
    ip: "drop",
    ip6: "drop",
  },
  {
    name: "zones by interface, as firewalld has them",
    rules: `table inet firewalld {
      chain docker { accept; }
      chain public { reject with icmpx type admin-prohibited; }
      chain input { ${INPUT} accept; iifname "ctr0" goto docker; iifname "eth0" goto public; drop; } }`,
    ip: "icmpx admin-prohibited",
    ip6: "icmpx admin-prohibited",
  },
  {
    name: "a drop of what does not come from containers",
    rules: `table inet filter { chain input { ${INPUT} accept; iifname != "ctr0" drop; } }`,
    ip: "drop",
    ip6: "drop",
  },
  {
    name: "a final drop under policy accept",
    rules: `table inet filter { chain input { ${INPUT} accept; ct state established accept; tcp dport 22 accept; counter drop; } }`,
    ip: "drop",
    ip6: "drop",
  },
  {
    name: "firewalld's shape: dispatch by interface, goto a zone, a final reject",
    rules: `table inet firewalld {
      chain public { jump public_allow
        meta l4proto { icmp, ipv6-icmp } accept
        reject with icmpx admin-prohibited
      }
      chain public_allow { tcp dport 22 ct state new accept; ip6 daddr fe80::/64 udp dport 546 accept; }
      chain zones { iifname "eth9" goto public
        goto public
      }
      chain filter_INPUT { type filter hook input priority 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname "lo" accept
        ct state invalid drop
        jump zones
        reject with icmpx admin-prohibited
      } }`,
    ip: "icmpx admin-prohibited",
    ip6: "icmpx admin-prohibited",
  },
  {
    name: "firewalld itself, the interface in its zone public",
    rules: golden("firewalld-1.3.3-public.nft"),
    ip: "icmpx admin-prohibited",
    ip6: "icmpx admin-prohibited",
  },
  {
    name: "firewalld itself, the interface in its zone drop",
    rules: golden("firewalld-1.3.3-drop.nft"),
    ip: "drop",
    ip6: "drop",
  },
  {
    name: "OpenWrt's shape: resets TCP, rejects the rest",
    rules: `table inet fw4 {
      chain refuse { meta l4proto tcp reject with tcp reset
        reject with icmpx port-unreachable
      }
      chain input { ${INPUT} drop; iif lo accept; ct state established,related accept; tcp flags & (fin | syn | rst | ack) == syn jump syn_flood
        iifname "eth0" jump refuse
      }
      chain syn_flood { limit rate 25/second burst 50 packets return; drop; } }`,
    ip: "reset",
    ip6: "reset",
  },
  {
    name: "a plain reject, which answers TCP with ICMP",
    rules: `table inet filter { chain input { ${INPUT} accept; reject; } }`,
    ip: { tcp: "icmpx port-unreachable", udp: "reset" },
    ip6: { tcp: "icmpx port-unreachable", udp: "reset" },
  },
  {
    name: "TCP reset, UDP dropped by policy",
    rules: `table inet filter { chain input { ${INPUT} drop; meta l4proto tcp reject with tcp reset; } }`,
    ip: { tcp: "reset", udp: "drop" },
    ip6: { tcp: "reset", udp: "drop" },
  },
  {
    name: "ICMP errors of one family",
    rules: `table ip filter { chain INPUT { ${INPUT} accept; reject with icmp host-prohibited; } }
      table ip6 filter { chain INPUT { ${INPUT} accept; reject with icmpv6 admin-prohibited; } }`,
    ip: "icmp host-prohibited",
    ip6: "icmpv6 admin-prohibited",
  },
  {
    name: "a prerouting chain that drops before input is asked",
    rules: `table inet early { chain pre { type filter hook prerouting priority -300; policy accept; fib daddr type local ct state new drop; } }
      table inet filter { chain input { ${INPUT} accept; reject; } }`,
    ip: "drop",
    ip6: "drop",
  },
  {
    name: "rules about particular sources, ports, marks and floods decide nothing",
    rules: `table inet filter {
      set bad { type ipv4_addr; elements = { 192.0.2.1 } }
      chain input { ${INPUT} accept;
        ip saddr @bad drop
        ip saddr 198.51.100.0/24 drop
        ip6 saddr 2001:db8::/32 drop
        tcp dport 1-1023 drop
        udp dport { 53, 123 } drop
        meta mark 7 drop
        iif lo drop
        ct state invalid drop
        tcp flags & (fin | syn | rst | ack) != syn ct state new drop
        limit rate over 100/second drop
      } }`,
    ip: "reset",
    ip6: "reset",
  },
  {
    name: "named sets and maps of interfaces, states and protocols, joined ones too",
    rules: `table inet filter {
      set inner { type ifname
        elements = { "ctr0" }
      }
      set outer { typeof iifname . meta l4proto
        elements = { "eth0" . udp }
      }
      map zones { type ifname : verdict
        elements = { "ctr0" : accept, "eth0" : jump public }
      }
      chain public { iifname . meta l4proto @outer drop
        reject with icmpx admin-prohibited
      }
      chain input { ${INPUT} drop; iifname @inner accept; iifname vmap @zones; } }`,
    ip: { tcp: "icmpx admin-prohibited", udp: "drop" },
    ip6: { tcp: "icmpx admin-prohibited", udp: "drop" },
  },
  {
    name: "a chain of ingress belongs to its interface",
    rules: `table netdev early { chain other { type filter hook ingress device "lo" priority 0; policy drop; }
      chain outer { type filter hook ingress device "eth0" priority 0; policy accept; meta l4proto udp drop; } }`,
    ip: { tcp: "reset", udp: "drop" },
    ip6: { tcp: "reset", udp: "drop" },
  },
  {
    name: "accept ends only its own chain",
    rules: `table inet first { chain input { type filter hook input priority -10; policy accept; accept; } }
      table inet second { chain input { ${INPUT} drop; } }`,
    ip: "drop",
    ip6: "drop",
  },
  {
    name: "forward and output chains, and address translation, are not asked",
    rules: `table inet filter { chain forward { type filter hook forward priority 0; policy drop; }
      chain out { type filter hook output priority 0; policy accept; } }
      table ip nat { chain pre { type nat hook prerouting priority -100; policy accept; tcp dport 80 redirect to :8080; } }`,
    ip: "reset",
    ip6: "reset",
  },
];

/** nft wants the brace that ends a block on a line of its own. */
function spelledOut(rules: string): string {
  return rules.replaceAll(/[;}](?=\s*\})/g, "$&\n");
}

/** Rules for iptables-restore, by family: loaded by iptables-nft and again by iptables-legacy. */
interface Restored {
  readonly name: string;
  readonly v4?: string;
  readonly v6?: string;
  readonly ip: DenyAnswer;
  readonly ip6: DenyAnswer;
}

const filter = (...rules: string[]) =>
  `*filter\n:INPUT ACCEPT [0:0]\n${rules.map((rule) => `-A INPUT ${rule}\n`).join("")}COMMIT\n`;

const RESTORED: readonly Restored[] = [
  {
    name: "iptables drops by connection state, which JSON leaves opaque",
    v4: filter(
      "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
      "-p tcp -m tcp --dport 22 -j ACCEPT",
      "-m conntrack --ctstate NEW -j DROP",
    ),
    v6: filter("-m state --state NEW -j DROP"),
    ip: "drop",
    ip6: "drop",
  },
  {
    name: "a drop of what is no SYN decides nothing, nor one of invalid packets",
    v4: filter(
      "-p tcp ! --syn -m conntrack --ctstate NEW -j DROP",
      "-m conntrack --ctstate INVALID -j DROP",
    ),
    ip: "reset",
    ip6: "reset",
  },
  {
    name: "ports by multiport: a closed one is in none of them, or in all others",
    v4: filter("-p tcp -m multiport --dports 22,80,443 -j DROP"),
    v6: filter(
      "-p tcp -m multiport ! --dports 22,80,443 -j DROP",
      "-p udp -m multiport ! --dports 53,123 -j DROP",
    ),
    ip: "reset",
    ip6: "drop",
  },
  {
    name: "the last REJECT of Red Hat's old rules, with its option",
    v4: filter(
      "-m state --state RELATED,ESTABLISHED -j ACCEPT",
      "-p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT",
      "-j REJECT --reject-with icmp-host-prohibited",
    ),
    v6: filter("-j REJECT --reject-with icmp6-adm-prohibited"),
    ip: "icmp host-prohibited",
    ip6: "icmpv6 admin-prohibited",
  },
  {
    name: "a REJECT about TCP that is no reset, and a comment that speaks of one",
    v4: filter('-p tcp -m comment --comment "reject with tcp reset" -j REJECT'),
    ip: { tcp: "icmpx port-unreachable", udp: "reset" },
    ip6: "reset",
  },
  {
    name: "ufw, as it was enabled",
    v4: golden("ufw-0.36.2.v4"),
    v6: golden("ufw-0.36.2.v6"),
    ip: "drop",
    ip6: "drop",
  },
  {
    name: "Docker itself, with two published ports",
    v4: golden("docker-20.10.24.v4"),
    ip: "reset",
    ip6: "reset",
  },
  {
    name: "Docker's chains beside a host's rules",
    v4: `*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
${filter("-i docker0 -j ACCEPT", "-m conntrack --ctstate NEW -p udp -j DROP")}`,
    ip: { tcp: "reset", udp: "drop" },
    ip6: "reset",
  },
];

/**
 * Compares the detected answer, and then, on the wire, a closed port with one that is guarded by
 * it.
 */
function expectDeny(expected: { readonly ip: DenyAnswer; readonly ip6: DenyAnswer }): void {
  const here = <T>(fn: () => T): T => inside(lab.namespace("server"), fn);
  const deny = here(detectDeny);
  expect(deny).toMatchObject({ ip: expected.ip, ip6: expected.ip6 });
  const ask = (port: number) =>
    [lab.address4.server, lab.address6.server].map((to) =>
      sendSegment(lab, "client", { to, port, sourcePort: 41_000 + (port % 7) }),
    );
  const closed = ask(3_333);
  here(() => loadGuard(planOf({ guarded: [{ proto: "tcp", from: 3_000, to: 3_300 }], deny })));
  expect(ask(3_100)).toEqual(closed);
  here(removeGuard);
}

/** nmap's words for a TCP and a UDP port, each with its reason: "open|filtered no-response". */
function scanned(port: number): string[] {
  return [lab.address4.server, lab.address6.server].flatMap((to) => {
    const family = to.includes(":") ? ["-6"] : [];
    // FIN: connection tracking calls it invalid, and many firewalls drop that.
    return [["-sS", "-sU"], ["-sF"]].flatMap((how) => {
      const ports = how.length > 1 ? `T:${port},U:${port}` : `${port}`;
      const scan = ["-n", "-Pn", ...how, "--reason", "-p", ports, to];
      const { out } = lab.run("client", ["nmap", ...family, ...scan]);
      const rows = [...out.matchAll(/^\d+\/(tcp|udp)\s+(\S+)\s+\S+\s+(\S+)/gm)];
      return rows.map(([, proto, state, reason]) => `${proto} ${state} ${reason}`);
    });
  });
}

describe("nmap sees no difference between a guarded port and a closed one", () => {
  const legacy = (v4: string) => lab.run("server", ["iptables-legacy-restore"], { input: v4 });
  const nft = (input: string) => lab.run("server", ["nft", "-f", "-"], { input });
  afterEach(() => clearRules(lab));

  test.each([
    ["firewalld, public", () => nft(golden("firewalld-1.3.3-public.nft"))],
    ["firewalld, drop", () => nft(golden("firewalld-1.3.3-drop.nft"))],
    ["ufw with iptables-legacy", () => legacy(golden("ufw-0.36.2.v4"))],
    [
      "a REJECT of iptables-legacy",
      () => legacy(filter("-j REJECT --reject-with icmp-host-prohibited")),
    ],
    ["Docker with iptables-legacy", () => legacy(golden("docker-20.10.24.v4"))],
  ] as const)(
    "%s",
    (_, load) => {
      clearRules(lab);
      load();
      const closed = scanned(3_333);
      const guarded = (["tcp", "udp"] as const).map((proto) => ({ proto, from: 3_000, to: 3_300 }));
      inside(lab.namespace("server"), () => loadGuard(planOf({ guarded, deny: detectDeny() })));
      expect(closed).toBeArrayOfSize(6);
      expect(scanned(3_100)).toEqual(closed);
      inside(lab.namespace("server"), removeGuard);
    },
    60_000,
  );
});

describe("detectDeny()", () => {
  test.each(CASES.map((found) => [found.name, found] as const))("%s", (_, { rules, ip, ip6 }) => {
    lab.run("server", ["nft", "flush", "ruleset"]);
    lab.run("server", ["nft", "-f", "-"], { input: spelledOut(rules) });
    expectDeny({ ip, ip6 });
  });

  describe.each(["nft", "legacy"] as const)("with iptables-%s", (kind) => {
    afterEach(() => clearRules(lab));

    test.each(RESTORED.map((found) => [found.name, found] as const))(
      "%s",
      (_, { v4, v6, ip, ip6 }) => {
        clearRules(lab);
        if (v4 !== undefined) lab.run("server", [`iptables-${kind}-restore`], { input: v4 });
        if (v6 !== undefined) lab.run("server", [`ip6tables-${kind}-restore`], { input: v6 });
        expectDeny({ ip, ip6 });
      },
    );
  });

  test("rules of iptables-legacy beside those of nft: who ends the packet first gives the answer", () => {
    clearRules(lab);
    const accepts = `table inet filter { chain input { ${INPUT} accept; tcp dport 22 accept; } }`;
    lab.run("server", ["nft", "-f", "-"], { input: spelledOut(accepts) });
    lab.run("server", ["iptables-legacy", "-P", "INPUT", "DROP"]);
    expectDeny({ ip: "drop", ip6: "reset" });
    const rejects = `table inet early { chain pre { type filter hook prerouting priority -300; policy accept; fib daddr type local reject with icmpx admin-prohibited; } }`;
    lab.run("server", ["nft", "-f", "-"], { input: spelledOut(rejects) });
    expect(inside(lab.namespace("server"), detectDeny)).toMatchObject({
      ip: "icmpx admin-prohibited",
    });
    clearRules(lab);
  });

  test("ufw's shape through iptables: policy drop of both families", () => {
    lab.run("server", ["nft", "flush", "ruleset"]);
    for (const iptables of ["iptables", "ip6tables"]) {
      lab.run("server", [iptables, "-P", "INPUT", "DROP"]);
      lab.run("server", [
        iptables,
        ..."-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT".split(" "),
      ]);
      lab.run("server", [iptables, ..."-A INPUT -p tcp --dport 22 -j ACCEPT".split(" ")]);
    }
    expect(inside(lab.namespace("server"), detectDeny)).toEqual({ ip: "drop", ip6: "drop" });
    lab.run("server", ["nft", "flush", "ruleset"]);
  });

  test("iptables rejects, TCP with a reset and the rest with an ICMP error", () => {
    lab.run("server", ["nft", "flush", "ruleset"]);
    for (const rule of [
      "-A INPUT -p tcp --dport 22 -j ACCEPT",
      "-A INPUT -m addrtype --dst-type LOCAL -m comment --comment ours -j RETURN",
    ]) {
      lab.run("server", ["iptables", ...rule.split(" ")]);
    }
    expect(inside(lab.namespace("server"), detectDeny)).toEqual({ ip: "reset", ip6: "reset" });
    lab.run("server", ["iptables", "-D", "INPUT", "2"]);
    lab.run("server", ["iptables", ..."-A INPUT -j REJECT".split(" ")]);
    expect(inside(lab.namespace("server"), detectDeny)).toEqual({
      ip: { tcp: "icmpx port-unreachable", udp: "reset" },
      ip6: "reset",
      resetByRule: [{ family: 4, proto: "udp" }],
    });
    lab.run("server", [
      "iptables",
      ..."-I INPUT 2 -p tcp -j REJECT --reject-with tcp-reset".split(" "),
    ]);
    expect(inside(lab.namespace("server"), detectDeny)).toEqual({
      ip: "reset",
      ip6: "reset",
      resetByRule: [
        { family: 4, proto: "tcp" },
        { family: 4, proto: "udp" },
      ],
    });
    lab.run("server", ["nft", "flush", "ruleset"]);
  });

  test.each(["nft", "legacy"])("iptables-%s drops what is invalid, of TCP alone", (kind) => {
    clearRules(lab);
    lab.run("server", [`iptables-${kind}-restore`], {
      input: filter("-p tcp -m conntrack --ctstate INVALID -j DROP"),
    });
    expect(inside(lab.namespace("server"), detectDeny)).toEqual({
      ip: "reset",
      ip6: "reset",
      invalidDropped: [{ family: 4, proto: "tcp" }],
    });
    clearRules(lab);
  });

  test("its own table does not count", () => {
    lab.run("server", ["nft", "flush", "ruleset"]);
    inside(lab.namespace("server"), () => {
      loadGuard(planOf({ deny: { ip: "drop", ip6: "drop" } }));
      expect(detectDeny()).toEqual({ ip: "reset", ip6: "reset" });
      runNft("delete table inet sallyport");
    });
  });
});
