/** Each line of the chain that opens or closes a door, attacked over a real wire. */

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { KernelGrants } from "../../../src/firewall/grants.ts";
import { removeGuard } from "../../../src/firewall/guard.ts";
import { parseAddress, parsePrefix } from "../../../src/core/address.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { Flags, sendSegment } from "../../support/raw-segment.ts";
import { probe, startEcho } from "../../support/service.ts";
import { Session } from "../../support/session.ts";
import { grantsOf, guard, ranges, request } from "../../support/firewall.ts";

const lab = new Lab();
const { server: server4, client: client4 } = lab.address4;
const { server: server6, client: client6 } = lab.address6;
await startEcho(lab, "server", 2222);
await startEcho(lab, "server", 2223);
const grants: KernelGrants = grantsOf(lab);

afterAll(() => {
  grants[Symbol.dispose]();
  lab[Symbol.dispose]();
});

beforeEach(() => {
  inside(lab.namespace("server"), removeGuard);
  lab.run("server", ["conntrack", "-F"], { mayFail: true });
  guard(lab, { idleMs: [1_500] });
});

const FAMILIES = [
  { family: "IPv4", server: server4, client: client4 },
  { family: "IPv6", server: server6, client: client6 },
] as const;

describe.each(FAMILIES)("$family", ({ server, client }) => {
  test("guard denies without a grant, and only guarded ports", () => {
    expect(probe(lab, "client", server, 2222)).toBe("refused");
    expect(probe(lab, "client", server, 2223)).toBe("open");
  });

  test("guard answers drop with silence", () => {
    guard(lab, { deny: { ip: "drop", ip6: "drop" } });
    expect(probe(lab, "client", server, 2222, 0.3)).toBe("silent");
  });

  test("guard lets always-allowed networks in and nobody else", () => {
    const allow = [parsePrefix(client)!];
    guard(lab, { allow });
    expect(probe(lab, "client", server, 2222)).toBe("open");
    expect(probe(lab, "stranger", server, 2222)).toBe("refused");
  });

  test.each(["plain", "fixed", "idle"] as const)(
    "a %s grant opens to its address and port alone",
    (kind) => {
      guard(lab, { guarded: ranges("2222-2223/tcp"), idleMs: [1_500] });
      grants.open(request(client, { kind, idleMs: 1_500 }));
      expect(probe(lab, "client", server, 2222)).toBe("open");
      expect(probe(lab, "client", server, 2222)).toBe("open");
      expect(probe(lab, "client", server, 2223)).toBe("refused");
      expect(probe(lab, "stranger", server, 2222)).toBe("refused");
    },
  );

  test("a grant ends by itself and its session lives on", async () => {
    grants.open(request(client, { openMs: 2_000 }));
    using session = await Session.open(lab, "client", server, 2222);
    expect(session.met).toBe("open");
    await Bun.sleep(2_100);
    expect(probe(lab, "client", server, 2222)).toBe("refused");
    expect(await session.echo()).toBe("echoed");
  });

  test("close refuses the address and ends its session, a new grant lets it in again", async () => {
    grants.open(request(client));
    using session = await Session.open(lab, "client", server, 2222);
    expect(await session.echo()).toBe("echoed");
    grants.close({ ...request(client) });
    expect(probe(lab, "client", server, 2222)).toBe("refused");
    expect(await session.echo()).not.toBe("echoed");
    grants.open(request(client));
    expect(probe(lab, "client", server, 2222)).toBe("open");
  });

  test("close with sessions kept takes the grant away and nothing else", async () => {
    grants.open(request(client));
    using session = await Session.open(lab, "client", server, 2222);
    grants.close({ ...request(client), sessions: "keep" });
    expect(probe(lab, "client", server, 2222)).toBe("refused");
    expect(await session.echo()).toBe("echoed");
  });

  test("close leaves what another grant of the address holds, with its session, and no more", async () => {
    guard(lab, { guarded: ranges("2222-2223/tcp"), idleMs: [1_500] });
    const both = request(client, { ports: ranges("2222-2223/tcp"), openMs: 60_000 });
    grants.open(both);
    using kept = await Session.open(lab, "client", server, 2222);
    using cut = await Session.open(lab, "client", server, 2223);
    const ports = ranges("2222/tcp");
    const keep = [{ ports, kind: "plain", lifeMs: 4_000, label: "web bob/phone" } as const];
    grants.close({ ...both, keep, held: [{ address: both.address, prefix6: 128, ports }] });
    expect([await kept.echo(), await cut.echo()]).toEqual([
      "echoed",
      expect.not.stringMatching("echoed"),
    ]);
    expect(probe(lab, "client", server, 2222)).toBe("open");
    expect(probe(lab, "client", server, 2223)).toBe("refused");
    expect(grants.list()).toMatchObject([{ port: { port: 2222 }, label: "web bob/phone" }]);
    while (grants.list().length > 0) await Bun.sleep(50);
    expect(probe(lab, "client", server, 2222)).toBe("refused");
    expect(await kept.echo()).toBe("echoed");
  });

  test("close leaves the sessions of others alone", async () => {
    const other = server === server4 ? lab.address4.stranger : lab.address6.stranger;
    grants.open(request(client));
    grants.open(request(other));
    using session = await Session.open(lab, "stranger", server, 2222);
    using elsewhere = await Session.open(lab, "client", server, 2223);
    grants.close(request(client));
    expect(await session.echo()).toBe("echoed");
    expect(await elsewhere.echo()).toBe("echoed");
  });

  test("a once grant is spent by its first connection, which lives", async () => {
    grants.open(request(client, { kind: "once" }));
    using session = await Session.open(lab, "client", server, 2222);
    expect(session.met).toBe("open");
    for (let i = 0; i < 3; i++) expect(probe(lab, "client", server, 2222)).toBe("refused");
    expect(await session.echo()).toBe("echoed");
    expect(grants.list()).toEqual([]);
  });

  test("a once grant takes the retransmitted SYN of its connection, and no other port's", async () => {
    // Without this the client's stack would reset what its raw socket began.
    lab.run("client", [
      "nft",
      "add table inet hold; add chain inet hold out { type filter hook output priority 0; }; add rule inet hold out tcp flags rst tcp sport 40000-40010 drop",
    ]);
    grants.open(request(client, { kind: "once" }));
    const syn = { to: server, port: 2222, sourcePort: 40_000 };
    expect(sendSegment(lab, "client", syn)).toBe("accepted");
    expect(sendSegment(lab, "client", syn)).toBe("accepted");
    expect(sendSegment(lab, "client", { ...syn, sourcePort: 40_001 })).toBe("refused");
    await Bun.sleep(600); // the server repeats its answer at most every half second
    expect(sendSegment(lab, "client", syn)).toBe("accepted");
    lab.run("client", ["nft", "delete table inet hold"]);
  });

  test("a once grant is not spent by anything but a first SYN", () => {
    grants.open(request(client, { kind: "once" }));
    for (const flags of [Flags.ack, Flags.syn | Flags.ack, Flags.fin, Flags.rst | Flags.ack]) {
      sendSegment(lab, "client", { to: server, port: 2222, sourcePort: 40_100, flags });
    }
    expect(grants.list()).toHaveLength(1);
    expect(probe(lab, "client", server, 2222)).toBe("open");
  });

  test("a SYN on the port pair of a dead session is denied", async () => {
    // Long enough that a busy computer gets the session through.
    grants.open(request(client, { openMs: 2_000 }));
    using session = await Session.open(lab, "client", server, 2222, { sourcePort: 40_200 });
    expect(session.met).toBe("open");
    await Bun.sleep(2_100);
    // The server's end dies unnoticed by tracking, which goes on calling the pair established.
    lab.run("server", ["ss", "-K", "dport", "=", ":40200"], { mayFail: true });
    session[Symbol.dispose]();
    expect(sendSegment(lab, "client", { to: server, port: 2222, sourcePort: 40_200 })).toBe(
      "refused",
    );
    using again = await Session.open(lab, "client", server, 2222, { sourcePort: 40_200 });
    expect(again.met).toBe("refused");
  });

  test("an idle grant is renewed by established traffic", async () => {
    grants.open(request(client, { kind: "idle", openMs: 1_500, idleMs: 1_500 }));
    using session = await Session.open(lab, "client", server, 2222);
    for (let i = 0; i < 6; i++) {
      expect(await session.echo()).toBe("echoed");
      await Bun.sleep(400);
    }
    expect(probe(lab, "client", server, 2222)).toBe("open");
  });

  test("an idle grant is not held open by forged SYNs, with or without a living session", async () => {
    grants.open(request(client, { kind: "idle", openMs: 1_200, idleMs: 1_500 }));
    using session = await Session.open(lab, "client", server, 2222, { sourcePort: 40_300 });
    expect(await session.echo()).toBe("echoed");
    const beginMs = performance.now();
    while (performance.now() - beginMs < 1_800) {
      sendSegment(lab, "stranger", { to: server, port: 2222, sourcePort: 40_300, from: client });
      sendSegment(lab, "stranger", { to: server, port: 2222, sourcePort: 40_301, from: client });
    }
    expect(grants.list()).toEqual([]);
    expect(probe(lab, "client", server, 2222)).toBe("refused");
  });

  test("an idle grant ends at its cap in spite of traffic, and the session lives", async () => {
    grants.open(request(client, { kind: "idle", openMs: 1_500, idleMs: 1_500, maxMs: 1_600 }));
    using session = await Session.open(lab, "client", server, 2222);
    for (let i = 0; i < 12; i++) {
      expect(await session.echo()).toBe("echoed");
      await Bun.sleep(300);
    }
    expect(grants.list()).toEqual([]);
    expect(probe(lab, "client", server, 2222)).toBe("refused");
    expect(await session.echo()).toBe("echoed");
  });
});

describe("IPv6 networks", () => {
  const neighbour = "fd77::77";

  test.each(["plain", "fixed", "idle", "once"] as const)(
    "a %s grant of a /64 opens to its neighbours",
    (kind) => {
      grants.open(request(neighbour, { kind, prefix6: 64, idleMs: 1_500 }));
      expect(probe(lab, "client", server6, 2222)).toBe("open");
    },
  );

  test("a grant of a single address does not open to its neighbours", () => {
    grants.open(request(neighbour));
    expect(probe(lab, "client", server6, 2222)).toBe("refused");
  });

  test("a single-address grant of the address that stands for the /64 is refused", () => {
    expect(() => grants.open(request("fd77::"))).toThrow(/stands for its whole \/64/);
  });

  test("close of a /64 ends the sessions of its neighbours", async () => {
    grants.open(request(neighbour, { prefix6: 64 }));
    using session = await Session.open(lab, "client", server6, 2222);
    expect(await session.echo()).toBe("echoed");
    grants.close(request(neighbour, { prefix6: 64 }));
    expect(await session.echo()).not.toBe("echoed");
    expect(probe(lab, "client", server6, 2222)).toBe("refused");
  });

  test("close of a /64 leaves the session of an address in it that holds a grant of its own", async () => {
    grants.open(request(neighbour, { prefix6: 64 }));
    grants.open(request(client6));
    using held = await Session.open(lab, "client", server6, 2222);
    using cut = await Session.open(lab, "stranger", server6, 2222);
    const own = {
      address: parseAddress(client6)!,
      prefix6: 128,
      ports: ranges("2222/tcp"),
    } as const;
    grants.close({ ...request(neighbour, { prefix6: 64 }), held: [own] });
    expect([await held.echo(), await cut.echo()]).toEqual([
      "echoed",
      expect.not.stringMatching("echoed"),
    ]);
    expect(probe(lab, "client", server6, 2222)).toBe("open");
    expect(probe(lab, "stranger", server6, 2222)).toBe("refused");
  });

  test("a new grant lets in an address whose /64 was closed, and one that was closed itself", () => {
    grants.close(request(neighbour, { prefix6: 64 }));
    grants.open(request(client6));
    expect(probe(lab, "client", server6, 2222)).toBe("open");
    grants.close(request(client6));
    grants.open(request(client6, { prefix6: 64 }));
    expect(probe(lab, "client", server6, 2222)).toBe("open");
  });

  test("an idle grant of a /64 is renewed by a neighbour's traffic", async () => {
    grants.open(request(neighbour, { kind: "idle", prefix6: 64, openMs: 1_500, idleMs: 1_500 }));
    using session = await Session.open(lab, "client", server6, 2222);
    for (let i = 0; i < 6; i++) {
      expect(await session.echo()).toBe("echoed");
      await Bun.sleep(400);
    }
    expect(probe(lab, "client", server6, 2222)).toBe("open");
  });
});
