/** Grants as set elements of the real kernel: lives, uses, full sets, listings. */

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { formatAddress, parseAddress } from "../../../src/core/address.ts";
import { OpError } from "../../../src/core/errors.ts";
import type { GrantRequest } from "../../../src/firewall/firewall.ts";
import { loadGuard, removeGuard, showGuard } from "../../../src/firewall/guard.ts";
import { runNft } from "../../../src/native/libnftables.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import {
  freshUse,
  grantsOf,
  guard,
  planOf,
  ranges,
  request as anyRequest,
} from "../../support/firewall.ts";

const lab = new Lab();
const grants = grantsOf(lab);
const here = <T>(fn: () => T): T => inside(lab.namespace("server"), fn);

afterAll(() => {
  grants[Symbol.dispose]();
  lab[Symbol.dispose]();
});

beforeEach(() => {
  here(removeGuard);
  guard(lab, { idleMs: [600_000] });
});

/** Adds elements like another program. */
function nft(commands: string): void {
  const { ok, error } = here(() => runNft(commands));
  if (!ok) throw new Error(error);
}

const client = parseAddress("10.77.0.2")!;
const port = ranges("2222/tcp");

function left(): number {
  return grants.livesMs(client, port, { kind: "plain" })[0]!;
}

/**
 * The contract must hold whether the caller believes that the grant is new or not, right or wrong.
 */
describe.each([false, true])("fresh: %p", (fresh) => {
  const request: typeof anyRequest = (address, rest) => anyRequest(address, { fresh, ...rest });

  describe.each(["10.77.0.2", "fd77::2"])("%s", (address) => {
    test.each(["plain", "fixed", "once", "idle"] as const)(
      "open() lists a %s grant as it was asked for",
      (kind) => {
        const rest = kind === "idle" ? { idleMs: 600_000, maxMs: 3_600_000 } : {};
        expect(grants.open(request(address, { kind, ...rest }))).toBe("opened");
        const [grant, ...others] = grants.list();
        expect(others).toEqual([]);
        expect(grant).toMatchObject({
          kind,
          address: parseAddress(address)!,
          prefix6: 128,
          port: { proto: "tcp", port: 2222 },
          label: "ssh alice/laptop",
        });
        expect(grant!.remainingMs).toBeWithin(59_000, 60_001);
        expect(grant!.idleMs).toBe(kind === "idle" ? 600_000 : undefined);
        if (kind === "idle") expect(grant!.maxRemainingMs).toBeWithin(3_599_000, 3_600_001);
      },
    );
  });

  test("open() moves the end of a grant that is renewed", () => {
    grants.open(request("10.77.0.2", { openMs: 5_000 }));
    grants.open(request("10.77.0.2", { openMs: 60_000 }));
    expect(left()).toBeWithin(59_000, 60_001);
    expect(grants.list()).toHaveLength(1);
  });

  test("open() never shortens a longer life", () => {
    grants.open(request("10.77.0.2", { openMs: 60_000 }));
    grants.open(request("10.77.0.2", { openMs: 5_000 }));
    expect(left()).toBeWithin(59_000, 60_001);
  });

  test("open() leaves an element without an end", () => {
    nft("add element inet sallyport grants4 { 10.77.0.2 . tcp . 2222 }");
    grants.open(request("10.77.0.2"));
    expect(left()).toBe(Infinity);
  });

  test("open() gives no life that a kernel tick could round to for ever", () => {
    grants.open(request("10.77.0.2", { openMs: 0.2 }));
    expect(left()).toBeWithin(1, 101);
    expect(() => grants.open(request("10.77.0.2", { openMs: Infinity }))).toThrow(RangeError);
  });

  test("open() spends a use once, and a second time changes nothing", () => {
    const use = freshUse();
    expect(grants.open(request("10.77.0.2", { openMs: 5_000, use }))).toBe("opened");
    expect(grants.open(request("10.77.0.2", { openMs: 60_000, use }))).toBe("used");
    expect(grants.open(request("10.77.0.3", { use }))).toBe("used");
    expect(left()).toBeWithin(1, 5_001);
    expect(grants.list()).toHaveLength(1);
    expect(grants.uses()).toEqual([use.id]);
  });

  test("open() can spend a use again when its time is over", async () => {
    const use = freshUse(300);
    grants.open(request("10.77.0.2", { use }));
    await Bun.sleep(400);
    expect(grants.open(request("10.77.0.2", { use }))).toBe("opened");
  });

  test("open() spends a use even where the grant itself stays as it is", () => {
    const use = freshUse();
    grants.open(request("10.77.0.2", { openMs: 60_000 }));
    expect(grants.open(request("10.77.0.2", { openMs: 5_000, use }))).toBe("opened");
    expect(grants.open(request("10.77.0.2", { openMs: 5_000, use }))).toBe("used");
  });

  test("open() without a port and a use, as of a fixed door that only runs a command, asks nothing of the kernel", () => {
    const nothing = { kind: "fixed", ports: [] } as const;
    grants.open(request("10.77.0.2", { kind: "fixed" }));
    expect(grants.open(request("10.77.0.3", nothing))).toBe("opened");
    grants.close(request("10.77.0.3", nothing));
    expect(grants.list()).toHaveLength(1);
  });

  test("open() opens all ports of its ranges or none", () => {
    const many = ranges("1000-2999/tcp", "53/udp");
    grants.open(request("10.77.0.2", { ports: many, use: freshUse() }));
    expect(grants.list()).toHaveLength(2_001);
    grants.close({ ...request("10.77.0.2", { ports: many }), sessions: "keep" });
    expect(grants.list()).toEqual([]);
  });

  test("open() says that a set is full, keeps older grants and the use, and other sets still take grants", () => {
    const elements = Array.from(
      { length: 65_536 },
      (_, i) => `10.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255} . tcp . 2222 timeout 1h`,
    );
    nft(`add element inet sallyport fixed4 { ${elements.join(", ")} }`);
    const use = freshUse();
    const fixed = request("10.77.0.2", { kind: "fixed", use });
    expect(() => grants.open(fixed)).toThrow(
      /^Cannot open a grant in inet sallyport fixed4: the set is full \(65536 elements\), ENFILE: /,
    );
    expect(grants.uses()).toEqual([]);
    expect(grants.livesMs(parseAddress("10.1.0.9")!, port, { kind: "fixed" })[0]).toBeGreaterThan(
      3_500_000,
    );
    expect(grants.open(request("10.77.0.2", { use }))).toBe("opened");
  });

  test("open() and close() say that the table is gone, list() and uses() find nothing", () => {
    here(removeGuard);
    expect(() => grants.open(request("10.77.0.2"))).toThrow(/the table or the set is gone, ENOENT/);
    expect(() => grants.close(request("10.77.0.2"))).toThrow(OpError);
    expect(grants.list()).toEqual([]);
    expect(grants.uses()).toEqual([]);
    expect(left()).toBe(0);
  });

  test("open() refuses an idle time that no rule renews", () => {
    const idle = request("10.77.0.2", { kind: "idle", idleMs: 1_234 });
    expect(() => grants.open(idle)).toThrow(/idle4_1234ms: the table or the set is gone/);
  });

  test("open() takes an address out of the revoked ones, on these ports alone", () => {
    const both = ranges("2222-2223/tcp");
    grants.close(request("10.77.0.2", { ports: both }));
    grants.open(request("10.77.0.2"));
    const shown = here(showGuard);
    expect(shown).toContain("10.77.0.2 . tcp . 2223 timeout");
    expect(/set revoked4 \{[^}]*elements = \{([^}]*)\}/.exec(shown)![1]).not.toContain("2222");
  });
});

test("close() takes grants of every kind away, and none is no error", () => {
  for (const kind of ["plain", "fixed", "once", "idle"] as const) {
    grants.open(anyRequest("10.77.0.2", { kind, idleMs: 600_000 }));
  }
  grants.open(anyRequest("10.77.0.3"));
  expect(grants.list()).toHaveLength(5);
  grants.close(anyRequest("10.77.0.2"));
  grants.close(anyRequest("10.77.0.2"));
  expect(grants.list().map((grant) => formatAddress(grant.address))).toEqual(["10.77.0.3"]);
});

test("close() refuses longer than an idle grant could come back for", () => {
  grants.close(anyRequest("10.77.0.2"));
  expect(here(showGuard)).toMatch(/10\.77\.0\.2 \. tcp \. 2222 timeout 11m/);
});

test("remember() spends uses that are missing and leaves those that are there", () => {
  const [known, lost] = [freshUse(5_000), freshUse()];
  grants.open(anyRequest("10.77.0.2", { use: known }));
  grants.remember([known, lost]);
  expect(grants.uses()).toHaveLength(2);
  expect(grants.open(anyRequest("10.77.0.2", { use: lost }))).toBe("used");
  grants.remember([]);
});

test("list() cuts a long label between characters", () => {
  grants.open(anyRequest("10.77.0.2", { label: "ü".repeat(100) }));
  expect(grants.list()[0]!.label).toBe("ü".repeat(60));
});

describe("listOwned()", () => {
  const open = (label: string, openMs: number, beside: GrantRequest["beside"] = []) =>
    grants.open(anyRequest("10.77.0.2", { label, openMs, openedMs: openMs, beside }));
  const owned = () =>
    grants
      .listOwned()
      .map(({ label, remainingMs, openedMs }) => {
        return `${label}, ${Math.round(remainingMs / 10_000)}, ${openedMs}`;
      })
      .sort();
  const need = (label: string, lifeMs: number) =>
    ({ kind: "plain", ports: port, lifeMs, openedMs: lifeMs, label }) as const;

  test("says since when its owner has a grant, and nft shows the comment as before", () => {
    open("ssh alice/laptop", 60_000);
    expect(owned()).toEqual(["ssh alice/laptop, 6, 60000"]);
    expect(here(showGuard)).toContain('comment "ssh alice/laptop"');
  });

  test("names every owner of an element with his own life, and the last one alone", () => {
    open("ssh alice/laptop", 60_000);
    open("web bob/phone", 30_000, [need("ssh alice/laptop", 60_000)]);
    expect(grants.list()).toHaveLength(1);
    expect(owned()).toEqual(["ssh alice/laptop, 6, 60000", "web bob/phone, 3, 30000"]);
    const { address } = anyRequest("10.77.0.2");
    const owner = { kind: "plain", label: "ssh alice/laptop" } as const;
    const keep = [need("web bob/phone", 30_000)];
    grants.close({ address, prefix6: 128, ports: port, sessions: "keep", owner, keep });
    expect(owned()).toEqual(["web bob/phone, 3, 30000"]);
    expect(here(showGuard)).not.toContain("alice");
    grants.close({ address, prefix6: 128, ports: port, sessions: "keep" });
    expect(owned()).toEqual([]);
  });

  test("leaves out who is written down where others took the element away", () => {
    open("ssh alice/laptop", 60_000);
    open("web bob/phone", 30_000, [need("ssh alice/laptop", 60_000)]);
    nft("flush set inet sallyport grants4");
    expect(owned()).toEqual([]);
  });

  test("knows one owner where there is no room to write down the others, who have their grants all the same", () => {
    const elements = Array.from(
      { length: 65_536 },
      (_, i) => `10.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255} . tcp . 2222 . 1 timeout 1h`,
    );
    nft(`add element inet sallyport shared4 { ${elements.join(", ")} }`);
    open("ssh alice/laptop", 30_000);
    open("web bob/phone", 60_000, [need("ssh alice/laptop", 30_000)]);
    expect(owned()).toEqual(["web bob/phone, 6, 60000"]);
  });
});

test("list() has no label where somebody added an element without one", () => {
  nft("add element inet sallyport grants4 { 10.9.9.9 . udp . 53 timeout 1m }");
  expect(grants.list()[0]).toMatchObject({ label: "", port: { proto: "udp", port: 53 } });
});

/** The kernel rehashes a set in a thread of its own just after it has grown so much. */
test("list() reads 60,000 grants that were just added, each once", () => {
  const elements = Array.from(
    { length: 60_000 },
    (_, i) => `10.1.${i >> 8}.${i & 255} . tcp . 2222 timeout 1h comment "ssh u/d"`,
  );
  nft(`add element inet sallyport grants4 { ${elements.join(", ")} }`);
  const found = grants.list();
  expect(found).toHaveLength(60_000);
  expect(new Set(found.map(({ address }) => address.a0)).size).toBe(60_000);
});

test("loadGuard() keeps grants and uses with their remaining lives, whatever the new plan", async () => {
  const use = freshUse(60_000);
  grants.open(anyRequest("10.77.0.2", { use, openMs: 60_000 }));
  grants.open(anyRequest("10.77.0.3", { kind: "idle", idleMs: 600_000 }));
  await Bun.sleep(300);
  for (const plan of [
    planOf(),
    planOf({ guarded: ranges("1-1024/tcp"), idleMs: [5_000], deny: { ip: "drop", ip6: "drop" } }),
  ]) {
    here(() => loadGuard(plan));
    expect(left()).toBeWithin(58_000, 59_750);
    expect(grants.open(anyRequest("10.77.0.2", { use }))).toBe("used");
    expect(grants.list().map(({ kind }) => kind)).toEqual(["plain", "idle"]);
  }
});

test("loadGuard() removes the sets of an idle time that is gone, once its grants are", () => {
  grants.open(anyRequest("10.77.0.3", { kind: "idle", idleMs: 600_000 }));
  here(() => loadGuard(planOf()));
  expect(here(showGuard)).toContain("set idle4_10m");
  grants.close(anyRequest("10.77.0.3"));
  here(() => loadGuard(planOf()));
  expect(here(showGuard)).not.toContain("idle4_10m");
});

test("loadGuard() takes away sets of earlier versions, and puts those of this one in their place", () => {
  here(removeGuard);
  nft(
    "table inet sallyport { set once4 { type ipv4_addr . inet_proto . inet_service; flags dynamic,timeout; elements = { 10.77.0.2 . tcp . 22 timeout 1m }; }; set cap6 { type ipv6_addr . inet_proto . inet_service; flags timeout; }; }",
  );
  here(() => loadGuard(planOf({ idleMs: [600_000] })));
  const shown = here(showGuard);
  expect(
    ["once4", "cap6 {", "one4", "cap6_10m"].map((set) => shown.includes(`set ${set}`)),
  ).toEqual([false, false, true, true]);
});

test("loadGuard() makes the table anew when somebody deleted it or flushed everything", () => {
  nft("delete table inet sallyport");
  here(() => loadGuard(planOf()));
  nft("flush ruleset");
  here(() => loadGuard(planOf()));
  expect(grants.open(anyRequest("10.77.0.2"))).toBe("opened");
});
