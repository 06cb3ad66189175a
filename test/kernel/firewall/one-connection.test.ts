/** A grant for one connection lets one in: raced from two processors, and with its own ports used again. */

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { removeGuard } from "../../../src/firewall/guard.ts";
import { runNft } from "../../../src/native/libnftables.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { Flags, sendSegment } from "../../support/raw-segment.ts";
import { probe, startEcho } from "../../support/service.ts";
import { Session } from "../../support/session.ts";
import { SynRace } from "../../support/syn-race.ts";
import { grantsOf, guard, ranges, request } from "../../support/firewall.ts";

/**
 * The shortest pause between a server's answers to repeated SYNs (net.ipv4.tcp_invalid_ratelimit).
 */
const ANSWERED_EVERY_MS = 600;

const RACE_PORTS = 8;

const lab = new Lab();
await startEcho(lab, "server", 2222);
const grants = grantsOf(lab);

afterAll(() => {
  grants[Symbol.dispose]();
  lab[Symbol.dispose]();
});

beforeEach(() => {
  inside(lab.namespace("server"), removeGuard);
  lab.run("server", ["conntrack", "-F"], { mayFail: true });
  guard(lab);
});

test("a once grant lets one connection in of forty that come at once on two processors", async () => {
  const { server, client } = lab.address4;
  const ports = ranges(`2300-${2300 + RACE_PORTS}/tcp`);
  for (let i = 0; i < RACE_PORTS; i++) await startEcho(lab, "server", 2300 + i);
  guard(lab, { guarded: ports });
  using race = await SynRace.start(lab, "client", server, 2300, RACE_PORTS);
  const accepted: number[] = [];
  for (let i = 1; i <= 150 && race.possible; i++) {
    const raced = ranges(`${2300 + (i % RACE_PORTS)}/tcp`);
    grants.open(request(client, { kind: "once", ports: raced }));
    accepted.push(await race.volley());
  }
  expect(accepted.filter((connections) => connections !== 1)).toEqual([]);
});

describe.each([
  { family: "IPv4", server: lab.address4.server, client: lab.address4.client, prefix6: 128 },
  { family: "IPv6", server: lab.address6.server, client: lab.address6.client, prefix6: 128 },
  { family: "IPv6 /64", server: lab.address6.server, client: "fd77::77", prefix6: 64 },
] as const)("$family", ({ server, client, prefix6 }) => {
  const once = request(client, { kind: "once", prefix6 });

  /** Keeps the client's stack away from the packets of its raw socket. */
  const held = async <T>(play: () => Promise<T>): Promise<T> => {
    lab.run("client", [
      "nft",
      "add table inet hold; add chain inet hold out { type filter hook output priority 0; }; add rule inet hold out tcp flags rst tcp sport 40000-40099 drop",
    ]);
    try {
      return await play();
    } finally {
      lab.run("client", ["nft", "delete table inet hold"]);
    }
  };

  test("a new SYN from the ports of a connection that was reset is denied, at once and later", async () => {
    grants.open(once);
    using session = await Session.open(lab, "client", server, 2222, { sourcePort: 40_100 });
    expect(await session.echo()).toBe("echoed");
    await session.reset();
    for (const waitMs of [0, 300, 1_500]) {
      await Bun.sleep(waitMs);
      using again = await Session.open(lab, "client", server, 2222, { sourcePort: 40_100 });
      expect(again.met).toBe("refused");
    }
  });

  test("the very same SYN is denied when its connection was reset before it was whole", async () => {
    grants.open(once);
    const syn = { to: server, port: 2222, sourcePort: 40_101 };
    // The client's own stack resets connections that it did not begin.
    expect(sendSegment(lab, "client", syn)).toBe("accepted");
    expect(sendSegment(lab, "client", syn)).toBe("refused");
    await Bun.sleep(300);
    expect(sendSegment(lab, "client", syn)).toBe("refused");
  });

  test("a SYN that is sent again before its connection is whole is let in", async () => {
    grants.open(once);
    const syn = { to: server, port: 2222, sourcePort: 40_000 };
    const answers = await held(async () => {
      const first = sendSegment(lab, "client", syn);
      await Bun.sleep(ANSWERED_EVERY_MS);
      const other = sendSegment(lab, "client", { ...syn, sourcePort: 40_001 });
      return [first, sendSegment(lab, "client", syn), other];
    });
    expect(answers).toEqual(["accepted", "accepted", "refused"]);
  });

  test("a forged acknowledgement takes nothing from a SYN that is sent again", async () => {
    grants.open(once);
    const syn = { to: server, port: 2222, sourcePort: 40_002 };
    const answers = await held(async () => {
      const first = sendSegment(lab, "client", syn);
      await Bun.sleep(ANSWERED_EVERY_MS);
      for (const flags of [Flags.ack, Flags.fin | Flags.ack]) {
        sendSegment(lab, "client", { ...syn, flags });
      }
      return [first, sendSegment(lab, "client", syn)];
    });
    expect(answers).toEqual(["accepted", "accepted"]);
  });

  test("a connection that another grant lets in spends nothing", () => {
    grants.open(once);
    grants.open({ ...once, kind: "plain", openMs: 60_000 });
    expect(probe(lab, "client", server, 2222)).toBe("open");
    expect(
      grants
        .list()
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(["once", "plain"]);
  });

  test("a grant that is renewed lets one connection in again", () => {
    for (let i = 0; i < 3; i++) {
      grants.open(once);
      expect(probe(lab, "client", server, 2222)).toBe("open");
      expect(probe(lab, "client", server, 2222)).toBe("refused");
    }
  });

  test("a full set of claims denies nobody his connection", () => {
    const family = server.includes(":") ? 6 : 4;
    const peer = (i: number) =>
      family === 4 ? `10.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}` : `fd99::${i.toString(16)}`;
    const elements = Array.from(
      { length: 65_536 },
      (_, i) => `${peer(i)} . ${server} . tcp . 1000 . 2222`,
    );
    const { ok } = inside(lab.namespace("server"), () =>
      runNft(`add element inet sallyport claim${family} { ${elements.join(", ")} }`),
    );
    expect(ok).toBe(true);
    grants.open(once);
    expect(probe(lab, "client", server, 2222)).toBe("open");
    expect(probe(lab, "client", server, 2222)).toBe("refused");
  });
});
