/** The ways into a host, all through the guard, and the apparent ways past it. */

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { adoptSessions } from "../../../src/firewall/sessions.ts";
import { removeGuard } from "../../../src/firewall/guard.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { sendSegment } from "../../support/raw-segment.ts";
import { probe, startEcho } from "../../support/service.ts";
import { Session } from "../../support/session.ts";
import { askUdp, startUdpEcho } from "../../support/udp-echo.ts";
import { grantsOf, guard, ranges, request } from "../../support/firewall.ts";

const lab = new Lab();
const { server: server4, client: client4 } = lab.address4;
const { server: server6, client: client6 } = lab.address6;
await startEcho(lab, "server", 2222);
await startEcho(lab, "server", 2224);
await startEcho(lab, "container", 2222);
await startEcho(lab, "stranger", 2222);
await startUdpEcho(lab, "server", 5353);
const grants = grantsOf(lab);

/** Everything except the guard, which has a name of its own for removal. */
const NAT = `
add table inet published
delete table inet published
table inet published {
  chain in {
    type nat hook prerouting priority dstnat;
    ip daddr ${server4} tcp dport 8022 dnat ip to 10.88.0.2:2222
    ip6 daddr ${server6} tcp dport 8022 dnat ip6 to [fd88::2]:2222
  }
  chain out {
    type nat hook postrouting priority srcnat;
    oifname eth0 masquerade
  }
}
`;

lab.run("server", ["nft", "-f", "-"], { input: NAT });

afterAll(() => {
  grants[Symbol.dispose]();
  lab[Symbol.dispose]();
});

beforeEach(() => {
  inside(lab.namespace("server"), removeGuard);
  lab.run("server", ["conntrack", "-F"], { mayFail: true });
});

test.each([
  ["IPv4", "127.0.0.1", server4],
  ["IPv6", "::1", server6],
])(
  "gate lets the host itself in, through lo and through its outside address, %s",
  (_, lo, outside) => {
    guard(lab);
    expect(probe(lab, "server", lo, 2222)).toBe("open");
    expect(probe(lab, "server", outside, 2222)).toBe("open");
  },
);

describe.each([
  ["IPv4", server4, client4, "10.88.0.2", lab.address4.stranger],
  ["IPv6", server6, client6, "fd88::2", lab.address6.stranger],
])("%s", (_, server, client, container, stranger) => {
  test("gate lets forwarded traffic to guarded port numbers elsewhere pass, both ways", () => {
    guard(lab, { guarded: ranges("2222/tcp"), deny: { ip: "drop", ip6: "drop" } });
    expect(probe(lab, "container", stranger, 2222)).toBe("open");
    expect(probe(lab, "client", container, 2222)).toBe("open");
  });

  test("gate guards a published port on its outside number, and a grant opens it", () => {
    guard(lab, { guarded: ranges("8022/tcp") });
    expect(probe(lab, "client", server, 8022)).toBe("refused");
    grants.open(request(client, { ports: ranges("8022/tcp") }));
    expect(probe(lab, "client", server, 8022)).toBe("open");
    expect(probe(lab, "stranger", server, 8022)).toBe("refused");
  });

  test("gate guards a session of a published port after close", async () => {
    guard(lab, { guarded: ranges("8022/tcp") });
    grants.open(request(client, { ports: ranges("8022/tcp") }));
    using session = await Session.open(lab, "client", server, 8022);
    expect(await session.echo()).toBe("echoed");
    grants.close(request(client, { ports: ranges("8022/tcp") }));
    expect(await session.echo()).not.toBe("echoed");
  });

  test("gate does not look at what containers say to the host's outside when it is not guarded", () => {
    guard(lab, { guarded: ranges("2223/tcp") });
    expect(probe(lab, "container", server, 2222)).toBe("open");
  });

  test("gate guards against containers too", () => {
    guard(lab);
    expect(probe(lab, "container", server, 2222)).toBe("refused");
  });

  test("gate guards every port of a range, and a grant names single ones", () => {
    guard(lab, { guarded: ranges("2220-2230/tcp", "2222/tcp", "2225-2240/tcp") });
    expect(probe(lab, "client", server, 2222)).toBe("refused");
    grants.open(request(client, { ports: ranges("2220-2224/tcp") }));
    expect(probe(lab, "client", server, 2222)).toBe("open");
    grants.close(request(client, { ports: ranges("2220-2224/tcp") }));
    expect(probe(lab, "client", server, 2222)).toBe("refused");
    expect(grants.list()).toEqual([]);
  });

  test("gate guards UDP, a grant opens it, and the flow outlives the grant", async () => {
    guard(lab, { guarded: ranges("5353/udp") });
    expect(askUdp(lab, "client", server, 5353)).toBe("silent");
    grants.open(request(client, { ports: ranges("5353/udp"), openMs: 700 }));
    using session = await Session.open(lab, "client", server, 5353, { proto: "udp" });
    expect(await session.echo()).toBe("echoed");
    await Bun.sleep(900);
    expect(await session.echo()).toBe("echoed");
    expect(askUdp(lab, "client", server, 5353)).toBe("silent");
  });

  test("a once grant of UDP is spent by the first datagram, whose flow lives", async () => {
    guard(lab, { guarded: ranges("5353/udp") });
    grants.open(request(client, { ports: ranges("5353/udp"), kind: "once" }));
    using session = await Session.open(lab, "client", server, 5353, { proto: "udp" });
    expect(await session.echo()).toBe("echoed");
    expect(await session.echo()).toBe("echoed");
    expect(askUdp(lab, "client", server, 5353)).toBe("silent");
  });
});

test.each([
  ["the subnet's broadcast address", "10.77.255.255"],
  ["an IPv4 multicast group", "239.7.7.7"],
  ["an IPv6 multicast group", "ff02::7777"],
])("gate guards a UDP port that is asked through %s", (_, address) => {
  expect(askUdp(lab, "client", address, 5353)).toBe("echoed");
  guard(lab, { guarded: ranges("5353/udp") });
  expect(askUdp(lab, "client", address, 5353)).toBe("silent");
});

describe("a denied packet stays denied whatever other tables do with it before routing", () => {
  /** A chain of another table, with a rule that ignores the port. */
  const meddle = (type: string, priority: number, rule: string) =>
    lab.run("server", ["nft", "-f", "-"], {
      input: `table ip meddler {\n chain pre {\n type ${type} hook prerouting priority ${priority};\n ${rule}\n }\n}\n`,
    });

  test.each([
    ["sent to a container", "nat", -100, `iifname "eth0" dnat to 10.88.0.2`],
    [
      "redirected to a port that is open",
      "nat",
      -100,
      `iifname "eth0" tcp dport 1-65535 redirect to :2224`,
    ],
    ["given a priority", "filter", -140, "meta priority set 1:1"],
    ["given a mark", "filter", -140, "meta mark set 7 ct mark set 7"],
    ["replaced from outside", "nat", -100, `iifname "eth0" tcp dport 2222 dnat to 10.88.0.2`],
  ])("%s", (_, type, priority, rule) => {
    lab.run("server", ["nft", "delete", "table", "inet", "published"], { mayFail: true });
    meddle(type, priority, rule);
    try {
      expect(probe(lab, "client", server4, 2222)).toBe("open");
      guard(lab);
      expect(probe(lab, "client", server4, 2222)).not.toBe("open");
      grants.open(request(client4));
      expect(probe(lab, "client", server4, 2222)).toBe("open");
      expect(probe(lab, "stranger", server4, 2222)).not.toBe("open");
    } finally {
      lab.run("server", ["nft", "delete", "table", "ip", "meddler"]);
      lab.run("server", ["nft", "-f", "-"], { input: NAT });
    }
  });
});

test.each([0, 1])(
  "the way back to a denied source is judged as for a closed port, rp_filter %i",
  (filter) => {
    guard(lab);
    // The source is the container's, but the packet comes from the other side.
    lab.run("server", ["sysctl", "-qw", `net.ipv4.conf.all.rp_filter=${filter}`]);
    lab.run("container", ["nft", "-f", "-"], {
      input:
        `table ip seen {\n chain pre {\n type filter hook prerouting priority -500;\n` +
        ` tcp flags rst tcp sport 2222 counter\n tcp flags rst tcp sport 3333 counter\n }\n}\n`,
    });
    for (const port of [2222, 3333]) {
      sendSegment(lab, "stranger", { to: server4, port, sourcePort: 4_444, from: "10.88.0.2" });
    }
    const { out } = lab.run("container", ["nft", "list", "table", "ip", "seen"]);
    lab.run("container", ["nft", "delete", "table", "ip", "seen"]);
    lab.run("server", ["sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0"]);
    expect([...out.matchAll(/packets \d+/g)].map(([found]) => found)).toEqual(
      Array(2).fill(`packets ${1 - filter}`),
    );
  },
);

test("gate guards link-local addresses", () => {
  const shown = lab.run("server", [
    "ip",
    "-6",
    "-o",
    "address",
    "show",
    "dev",
    "eth0",
    "scope",
    "link",
  ]).out;
  const address = `${/inet6 (fe80[^/]+)/.exec(shown)![1]!}%eth0`;
  expect(probe(lab, "client", address, 2222)).toBe("open");
  guard(lab);
  expect(probe(lab, "client", address, 2222)).toBe("refused");
});

/** An FTP server that names the guarded port 2222 (8 · 256 + 174) in its answer to PASV. */
const FTP = `
import socket
s = socket.create_server(("", 21))
print("listening", flush=True)
c, _ = s.accept()
c.sendall(b"220 ready\\r\\n")
c.recv(100)
c.sendall(b"227 Entering Passive Mode (10,77,0,1,8,174).\\r\\n")
c.recv(100)
`;

const FTP_CLIENT = `
import socket
c = socket.create_connection(("10.77.0.1", 21))
c.recv(100)
c.sendall(b"PASV\\r\\n")
print(c.recv(100), flush=True)
c.recv(100)
`;

test("gate accepts nothing as related: an FTP answer that names a guarded port opens nothing", async () => {
  guard(lab);
  lab.run("server", ["nft", "-f", "-"], {
    input: `table ip helped {
      ct helper ftp { type "ftp" protocol tcp; }
      chain in { type filter hook prerouting priority -190; tcp dport 21 ct helper set "ftp"; }
    }`,
  });
  const service = lab.start("server", ["python3", "-c", FTP]).stdout.getReader();
  await service.read();
  const talk = lab.start("client", ["python3", "-c", FTP_CLIENT]).stdout.getReader();
  await talk.read();
  const expected = lab.run("server", ["conntrack", "-L", "expect"]).out;
  expect(expected).toContain(`src=${client4} dst=${server4} sport=0 dport=2222`);
  expect(probe(lab, "client", server4, 2222)).toBe("refused");
  lab.run("server", ["nft", "delete", "table", "ip", "helped"]);
});

describe.each([
  ["IPv4", server4],
  ["IPv6", server6],
])("adoptSessions(), %s", (_, server) => {
  test("keeps an idle session alive that began before anything was tracked", async () => {
    lab.run("server", ["nft", "delete", "table", "inet", "published"]);
    try {
      using adopted = await Session.open(lab, "client", server, 2222);
      expect(await adopted.echo()).toBe("echoed");
      inside(lab.namespace("server"), () => {
        expect(adoptSessions(ranges("2222/tcp"))).toBe(1);
        expect(adoptSessions(ranges("2222/tcp"))).toBe(0);
        expect(adoptSessions(ranges("2223/tcp"))).toBe(0);
      });
      guard(lab, { deny: { ip: "drop", ip6: "drop" } });
      await Bun.sleep(300);
      expect(await adopted.echo()).toBe("echoed");
      expect(probe(lab, "client", server, 2222, 0.3)).toBe("silent");
    } finally {
      lab.run("server", ["nft", "-f", "-"], { input: NAT });
    }
  });

  test("is what keeps it: without it the session dies", async () => {
    lab.run("server", ["nft", "delete", "table", "inet", "published"]);
    try {
      using lost = await Session.open(lab, "client", server, 2224);
      guard(lab, { guarded: ranges("2224/tcp"), deny: { ip: "drop", ip6: "drop" } });
      expect(await lost.echo()).toBe("silent");
    } finally {
      lab.run("server", ["nft", "-f", "-"], { input: NAT });
    }
  });

  test("finds a session known that was tracked from its beginning", async () => {
    using session = await Session.open(lab, "client", server, 2222);
    inside(lab.namespace("server"), () => expect(adoptSessions(ranges("2222/tcp"))).toBe(0));
    guard(lab);
    expect(await session.echo()).toBe("echoed");
  });
});
