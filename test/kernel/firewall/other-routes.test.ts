/**
 * Packets to addresses that are this host's by a route of another table than the local one: the
 * guard takes them for another host's until they are delivered. A transparent proxy takes such
 * packets, too, and is left alone.
 */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { parsePrefix } from "../../../src/core/address.ts";
import { removeGuard } from "../../../src/firewall/guard.ts";
import { guard, grantsOf, ranges, request } from "../../support/firewall.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { probe, startEcho } from "../../support/service.ts";
import { askUdp, startUdpEcho } from "../../support/udp-echo.ts";

const lab = new Lab();
afterAll(() => {
  grants[Symbol.dispose]();
  lab[Symbol.dispose]();
});

const GUARDED = 2_222;
const OTHER = 2_224;
const BOTH = ranges(`${GUARDED}/tcp`, `${GUARDED}/udp`);

/** Takes connections and datagrams to any address, and answers from it. */
const PROXY = `
import socket, socketserver, struct, sys, threading
IP_TRANSPARENT, IPV6_TRANSPARENT, IP_RECVORIGDSTADDR, IPV6_RECVORIGDSTADDR = 19, 75, 20, 74
def tcp():
    s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1); s.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
    s.bind(("::", 7777)); s.listen(16); print("listening", flush=True)
    while True:
        c, _ = s.accept(); c.sendall(b"hello\\n"); c.close()
def udp(family, level, transparent, original, address):
    s = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.setsockopt(level, transparent, 1); s.bind((address, 7777))
    while True:
        data, peer = s.recvfrom(4096); s.sendto(data, peer)
for words in ((socket.AF_INET, socket.IPPROTO_IP, IP_TRANSPARENT, IP_RECVORIGDSTADDR, "0.0.0.0"), (socket.AF_INET6, socket.IPPROTO_IPV6, IPV6_TRANSPARENT, IPV6_RECVORIGDSTADDR, "::")):
    threading.Thread(target=udp, args=words, daemon=True).start()
tcp()
`;

for (const port of [GUARDED, OTHER]) {
  await startEcho(lab, "server", port);
  await startUdpEcho(lab, "server", port);
}
const proxy = lab.start("server", ["python3", "-c", PROXY]);
await proxy.stdout.getReader().read();
const grants = grantsOf(lab);

const other = (rules: string) =>
  lab.run("server", ["nft", "-f", "-"], {
    input: `add table inet other\ndelete table inet other\ntable inet other {\n${rules}\n}`,
  });
afterEach(() => void other(""));

/** Each family, with an address that is local by another table. */
const FAMILIES = [
  { ip: "-4", net: "10.98.0.0/24", at: "10.98.0.5", via: lab.address4, far: "10.88.0.2" },
  { ip: "-6", net: "fd98::/64", at: "fd98::5", via: lab.address6, far: "fd88::2" },
] as const;

describe.each(FAMILIES)("IP$ip", ({ ip, net, at, via, far }) => {
  beforeAll(() => {
    lab.run("client", ["ip", ip, "route", "add", net, "via", via.server]);
    // The look-ups of the guard find another host's.
    lab.run("server", ["ip", ip, "route", "add", net, "via", via.stranger]);
    lab.run("server", ["ip", ip, "route", "add", "local", "default", "dev", "lo", "table", "100"]);
  });
  beforeEach(() => {
    inside(lab.namespace("server"), removeGuard);
    guard(lab, { guarded: BOTH });
  });

  /** Ways to such a route: by the address, or by a mark that another table sets. */
  const ways = {
    address: {
      rule: ["to", net],
      marks: "",
    },
    mark: {
      rule: ["fwmark", "7"],
      marks: `chain m { type filter hook prerouting priority mangle + 10; ip daddr 10.98.0.0/24 meta mark set 7; ip6 daddr fd98::/64 meta mark set 7; }`,
    },
  } as const;

  describe.each(Object.values(ways))("by $rule", ({ rule, marks }) => {
    beforeAll(() => void lab.run("server", ["ip", ip, "rule", "add", ...rule, "lookup", "100"]));
    afterAll(() => void lab.run("server", ["ip", ip, "rule", "del", ...rule, "lookup", "100"]));
    beforeEach(() => void other(marks));

    test("keeps strangers out of guarded ports, and out of no other", () => {
      expect(askUdp(lab, "client", at, OTHER)).toBe("echoed");
      expect(askUdp(lab, "client", at, GUARDED)).toBe("silent");
      expect(probe(lab, "client", at, GUARDED)).toBe(probe(lab, "client", at, 3_333));
    });

    test.each([
      { kind: "plain" },
      { kind: "fixed" },
      { kind: "once" },
      { kind: "idle", idleMs: 30_000 },
    ] as const)("lets in by a grant: $kind", (grant) => {
      guard(lab, { guarded: BOTH, idleMs: [30_000] });
      grants.open(request(via.client, { ports: ranges(`${GUARDED}/udp`), ...grant }));
      expect(askUdp(lab, "client", at, GUARDED)).toBe("echoed");
      const again = askUdp(lab, "client", at, GUARDED);
      expect(again).toBe(grant.kind === "once" ? "silent" : "echoed");
    });

    test("lets in who is always allowed", () => {
      guard(lab, {
        guarded: BOTH,
        allow: [`${via.client}/${ip === "-4" ? 32 : 128}`].map((text) => parsePrefix(text)!),
      });
      expect(askUdp(lab, "client", at, GUARDED)).toBe("echoed");
    });
  });

  test("leaves a transparent proxy its packets to other hosts", () => {
    lab.run("server", ["ip", ip, "rule", "add", "fwmark", "9", "lookup", "100"]);
    const family = ip === "-4" ? "ip" : "ip6";
    other(
      `chain t { type filter hook prerouting priority mangle + 10;
        ${family} daddr ${far} meta l4proto { tcp, udp } th dport ${GUARDED} tproxy ${family} to :7777 meta mark set 9 accept
      }`,
    );
    expect(probe(lab, "client", far, GUARDED)).toBe("open");
    expect(askUdp(lab, "client", far, GUARDED)).toBe("echoed");
    lab.run("server", ["ip", ip, "rule", "del", "fwmark", "9", "lookup", "100"]);
  });
});
