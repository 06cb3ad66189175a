/** The findings of `why` for an address with their order, and the log's own lines. */

import { describe, expect, spyOn, test } from "bun:test";
import { formatAddress, parseAddress, parsePrefix } from "../../../../src/core/address.ts";
import type { Settings } from "../../../../src/config/settings.ts";
import { parseSettings } from "../../../../src/config/load.ts";
import { Explainer, type ExplainerParts } from "../../../../src/control-plane/explain/explainer.ts";
import type { Memory } from "../../../../src/data-plane/messages.ts";
import { type Subjects, SubjectTable } from "../../../../src/match/subject-table.ts";
import type { DaemonEvent } from "../../../../src/core/events.ts";
import { makePlan } from "../../../../src/data-plane/plan.ts";
import type { SourceHits } from "../../../../src/match/hit-table.ts";
import type { KnownUse } from "../../../../src/match/subject.ts";
import { KeyTable } from "../../../../src/rks/key-table.ts";
import type { KnockSpace } from "../../../../src/rks/space.ts";
import { hitsOn } from "../../../support/hits.ts";
import { device, NOW, portsOf, SLOT } from "../../../support/matcher.ts";
import { HandClock } from "../../../support/daemon.ts";

const ALICE = device("ssh alice laptop");
const HOME = parseAddress("203.0.113.9")!;
const SETTINGS = parseSettings(`[door.ssh]\nopens = ["22/tcp"]\nusers = ["alice"]\n`);

interface World {
  memory?: Partial<Memory>;
  quiet?: readonly SourceHits[];
  settings?: Settings;
  rotating?: Subjects;
  uses?: readonly KnownUse[];
  parts?: Partial<ExplainerParts>;
}

function explainer({
  memory,
  quiet = [],
  settings = SETTINGS,
  rotating = [ALICE],
  uses = [],
  parts,
}: World) {
  const clock = new HandClock();
  clock.nowMs = NOW + 1_000;
  let waiting = [...quiet];
  const ask = (request: { type: string; most?: number }): Promise<unknown> => {
    if (request.type === "why") {
      return Promise.resolve({ hits: [], grants: [], sinceMs: NOW - 600_000, ...memory });
    }
    if (request.type === "uses") return Promise.resolve(uses);
    const handed = waiting.slice(0, request.most);
    waiting = waiting.slice(request.most);
    return Promise.resolve(handed);
  };
  const made = new Explainer({
    clock,
    configuration: () => ({
      settings,
      plan: { ...makePlan(settings, []), rotating: SubjectTable.of(rotating) },
    }),
    ask: ask as ExplainerParts["ask"],
    knocks: () => 7,
    foreignRules: () => [],
    unread: () => undefined,
    notices: () => [],
    obstacles: () => [],
    ...parts,
  });
  return { made, clock };
}

const opened = (slot: number, source = "203.0.113.9"): DaemonEvent => ({
  type: "grant.opened",
  atMs: NOW + 20,
  renewed: false,
  source,
  used: { slot, stepSeconds: 30 },
  grant: {
    id: "0123456789",
    door: "ssh",
    address: source,
    ports: [],
    kind: "plain" as const,
    via: "rotating",
    user: "alice",
    device: "laptop",
    openedMs: NOW,
    expiresMs: NOW + 30_000,
  },
});

describe("Explainer.why()", () => {
  const kinds = async (world: World) => {
    const { findings } = await explainer(world).made.why(HOME);
    return findings.map(({ kind }) => kind);
  };

  test("puts what is open first, then the tries, then what is no knock's fault", async () => {
    const grant = {
      id: "0123456789",
      door: "ssh",
      address: "203.0.113.9",
      ports: [],
      kind: "plain" as const,
      via: "rotating" as const,
      openedMs: NOW,
      expiresMs: NOW + 30_000,
    };
    const world = {
      memory: { grants: [grant], hits: hitsOn(portsOf(ALICE, SLOT).slice(1), NOW) },
      parts: {
        foreignRules: () => ["Another table drops 22/tcp"],
        obstacles: () => ["No capture"],
      },
    };
    expect(await kinds(world)).toEqual(["open", "incomplete", "not-ready", "firewall"]);
  });

  test("says for how long nothing was heard, and whether others were", async () => {
    const { findings } = await explainer({}).made.why(HOME);
    expect(findings).toEqual([
      {
        kind: "silent",
        sentence: expect.stringMatching(
          /^Nothing was heard from 203\.0\.113\.9 in the last 10 minutes, though others are heard/,
        ),
      },
    ]);
    const alone = await explainer({ parts: { knocks: () => 0 } }).made.why(HOME);
    expect(alone.findings[0]!.sentence).toContain("nor from anybody else");
  });

  test("says that knocks belong to no sequence", async () => {
    expect(await kinds({ memory: { hits: hitsOn([20_001, 20_002, 20_003], NOW) } })).toEqual([
      "unrelated",
    ]);
  });

  const WRONG = Array.from({ length: 8 }, (_, i) => 20_001 + i);

  test("says that the newest knocks belong to no sequence, though older ones of the address do", async () => {
    const older = hitsOn(portsOf(ALICE, SLOT), NOW);
    const hits = [...older, ...hitsOn(WRONG, NOW + 60_000)];
    const { findings } = await explainer({ memory: { hits } }).made.why(HOME);
    expect(findings.map(({ kind }) => kind)).toEqual(["unrelated", "refused"]);
    expect(findings[0]!.sentence).toStartWith(
      "8 newer knocks were heard, the last at 08:01:15 UTC, and they are part of no sequence",
    );
    expect(findings[0]!.atMs).toBe(NOW + 60_007);
  });

  test("takes neither knocks sent again nor a few of another kind for a newer try", async () => {
    const ports = portsOf(ALICE, SLOT);
    const again = hitsOn(ports.slice(0, 6), NOW + 60_000);
    const few = hitsOn(WRONG.slice(0, 3), NOW + 61_000);
    const hits = [...hitsOn(ports, NOW), ...again, ...few];
    expect(await kinds({ memory: { hits } })).toEqual(["refused"]);
  });

  test("knows the addresses that need no knock", async () => {
    const guard = { ...SETTINGS.guard, alwaysAllow: [parsePrefix("203.0.113.0/24")!] };
    expect(await kinds({ settings: { ...SETTINGS, guard } })).toEqual(["allowed", "silent"]);
  });

  test("lets others work between stretches, however many devices there are", async () => {
    const rotating = Array.from({ length: 500 }, (_, i) => device(`ssh user${i} x`));
    const memory = { hits: hitsOn(portsOf(rotating[499]!, SLOT - 5), NOW) };
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    // Stretches are measured, so this one test needs time that passes by itself.
    const clock = { wallMs: () => NOW + 1_000, monotonicMs: () => performance.now() };
    expect(await kinds({ rotating, memory, parts: { clock } })).toEqual(["clock"]);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });
});

describe("Explainer.why(), where terms and keys are not what they were", () => {
  const [DOOR] = SETTINGS.doors;
  const at = (settings: Settings, space: Partial<KnockSpace>): Settings => ({
    ...settings,
    doors: [{ ...DOOR!, space: { ...DOOR!.space, ...space } }],
  });
  const nine = at(SETTINGS, { ports: 9 });
  const alice = (settings: Settings) => ({ ...ALICE, space: settings.doors[0]!.space });
  const why = async ({ made }: ReturnType<typeof explainer>) =>
    (await made.why(HOME)).findings.map(({ kind, sentence }) => `${kind}: ${sentence}`);

  test("says that a knock opened, though the matcher remembers later ones only", async () => {
    const world = explainer({
      memory: { hits: hitsOn(portsOf(ALICE, SLOT), NOW) },
      uses: [{ ...ALICE, stepSeconds: 30, slot: SLOT + 9 }],
    });
    expect((await why(world))[0]).toStartWith("used: The right ports of alice/laptop for ssh, but");
    world.made.hear(opened(SLOT));
    expect(await why(world)).toEqual([
      "opened: The right knock of alice/laptop for ssh: it opened at 08:00:15 UTC",
    ]);
    world.made.hear(opened(SLOT, "198.51.100.7"));
    expect((await why(world))[0]).toContain("already used at 08:00:15 UTC from 198.51.100.7");
  });

  test("says that a second device with the link opened nothing, once the grant of the first is over", async () => {
    const ports = portsOf(ALICE, SLOT);
    const hits = [...hitsOn(ports, NOW), ...hitsOn(ports, NOW + 7_000)];
    const source = { family: 4, a0: HOME.a0, a1: 0, a2: 0, a3: 0 } as const;
    const uses = [{ ...ALICE, stepSeconds: 30, slot: SLOT, source, timeMs: NOW + 7 }];
    const { made } = explainer({ memory: { hits }, uses });
    const event = opened(SLOT) as Extract<DaemonEvent, { type: "grant.opened" }>;
    made.hear(event);
    expect((await made.why(HOME)).findings[0]).toMatchObject({ kind: "opened", atMs: NOW + 7_007 });
    made.hear({ ...event, type: "grant.closed", atMs: NOW + 5_000, reason: "hand" });
    const { findings } = await made.why(HOME);
    expect(findings).toEqual([
      {
        kind: "used",
        atMs: NOW + 7_007,
        sentence: expect.stringMatching(/from this very address, so they opened nothing this time/),
      },
    ]);
  });

  test("says so also where more ports are asked for by now", async () => {
    const world = explainer({
      memory: { hits: hitsOn(portsOf(ALICE, SLOT), NOW) },
      settings: nine,
      rotating: [alice(nine)],
    });
    world.made.hear(opened(SLOT));
    expect((await why(world))[0]).toStartWith("opened: ");
  });

  test("says that a link has too few ports where a reload asked for more, and that it may where none is known", async () => {
    const hits = hitsOn(portsOf(ALICE, SLOT), NOW);
    const world = explainer({ memory: { hits }, settings: nine, rotating: [alice(nine)] });
    expect((await why(world))[0]).toMatch(
      /^incomplete: 8 of 9 ports of alice\/laptop for ssh, \d+ never arrived: either filtered on the way, or its link was made for 8 ports, .*\(sallyport user show alice --device laptop\)$/,
    );
    world.made.entered(SETTINGS, nine);
    expect(await why(world)).toEqual([
      "terms: The right ports of alice/laptop for ssh, by terms that a reload changed at 08:00:16 UTC: links of before are void: make a new one (sallyport user show alice --device laptop)",
    ]);
  });

  test("knows the terms of before, a door that is gone, and forgets what is in force again", async () => {
    const moved = at(SETTINGS, { lo: 30_000, hi: 60_000, stepSeconds: 60 });
    const world = explainer({
      memory: { hits: hitsOn(portsOf(ALICE, SLOT), NOW) },
      settings: moved,
      rotating: [alice(moved)],
    });
    world.made.entered(SETTINGS, moved);
    expect((await why(world))[0]).toStartWith("terms: The right ports of alice/laptop for ssh, by");
    const renamed = { ...moved, doors: [{ ...moved.doors[0]!, name: "shell" }] };
    const other = explainer({
      memory: { hits: hitsOn(portsOf(ALICE, SLOT), NOW) },
      settings: renamed,
      rotating: [{ ...alice(moved), door: "shell" }],
    });
    other.made.entered(SETTINGS, renamed);
    expect((await why(other))[0]).toContain("a door that a reload took away at 08:00:16 UTC");
    world.made.entered(moved, SETTINGS);
    world.made.entered(SETTINGS, SETTINGS);
    expect((await why(world))[0]).toStartWith("unrelated: ");
  });

  test("says what changed where nothing of it was heard", async () => {
    const world = explainer({});
    world.made.entered(nine, SETTINGS);
    // A link with more ports than required still opens.
    expect((await why(world)).map((said) => said.split(": ")[0])).toEqual(["silent"]);
    world.made.entered(at(SETTINGS, { proto: "udp" }), SETTINGS);
    expect((await why(world)).map((said) => said.split(": ")[0])).toEqual(["silent", "terms"]);
  });

  test("knows a knock by a key that is in the file only", async () => {
    const bob = device("ssh bob phone");
    const unread = KeyTable.from([ALICE, bob]);
    const settings = parseSettings(`[door.ssh]\nopens = ["22/tcp"]\nusers = ["*"]\n`);
    const world = explainer({
      memory: { hits: hitsOn(portsOf(bob, SLOT), NOW) },
      settings,
      parts: { unread: () => unread, notices: () => ["Keys changed"] },
    });
    expect(await why(world)).toEqual([
      'keys: The right ports of bob/phone for ssh, by a key that the daemon has not read yet: run "sallyport reload", then knock again',
      "keys: Keys changed",
    ]);
  });
});

test("Explainer.why() tells newer knocks by a key not read yet, though older ones are right", async () => {
  const bob = device("ssh bob phone");
  const { made } = explainer({
    memory: {
      hits: [...hitsOn(portsOf(ALICE, SLOT), NOW), ...hitsOn(portsOf(bob, SLOT), NOW + 500)],
    },
    settings: parseSettings(`[door.ssh]\nopens = ["22/tcp"]\nusers = ["*"]\n`),
    parts: { unread: () => KeyTable.from([ALICE, bob]) },
  });
  const { findings } = await made.why(HOME);
  expect(findings.map(({ kind }) => kind)).toEqual(["keys", "refused"]);
});

describe("Explainer.look()", () => {
  const source = (last: number, ports: readonly number[]): SourceHits => ({
    source: parseAddress(`198.51.100.${last}`)!,
    hits: hitsOn(ports, NOW),
  });
  const stale = (last: number) => source(last, portsOf(ALICE, SLOT - 3));

  test("tells of who came close, by numbers only", async () => {
    const lines: string[] = [];
    const ports = portsOf(ALICE, SLOT);
    const { made } = explainer({
      quiet: [source(1, ports.slice(4)), source(2, ports.slice(5)), source(3, [1, 2, 3, 4])],
    });
    expect(await made.look((line) => lines.push(line))).toBe(false);
    expect(lines).toEqual([
      "Nearly, 198.51.100.1: 4 of 8 ports of alice/laptop for ssh, the others never arrived: filtered on the way?",
    ]);
  });

  test("does not search for what the knocks were that opened a door, nor for their copies", async () => {
    let told = 0;
    const ask = ({ type }: { type: string }): Promise<unknown> => {
      if (type === "uses") told++;
      return Promise.resolve(type === "quiet" ? waiting : []);
    };
    const ports = portsOf(ALICE, SLOT);
    const knocks = [...hitsOn(ports, NOW), ...hitsOn(ports.slice(1), NOW + 90)];
    let waiting: SourceHits[] = [{ source: HOME, hits: knocks }];
    const { made, clock } = explainer({ parts: { ask: ask as ExplainerParts["ask"] } });
    made.hear(opened(SLOT));
    await made.look(() => undefined);
    expect(told).toBe(0);
    // Another try of the same address is looked at, and the same knock from elsewhere.
    const lines: string[] = [];
    const early = hitsOn(portsOf(ALICE, SLOT + 4), NOW + 200);
    waiting = [
      { source: HOME, hits: [...knocks, ...early] },
      { source: parseAddress("198.51.100.1")!, hits: knocks },
    ];
    clock.nowMs += 1_000;
    await made.look((line) => lines.push(line));
    expect(told).toBe(2);
    expect(lines).toEqual([expect.stringContaining("Nearly, 203.0.113.9: ")]);
  });

  test("spreads its work over time", async () => {
    const rotating = Array.from({ length: 500 }, (_, i) => device(`ssh user${i} x`));
    const hits = hitsOn(portsOf(rotating[499]!, SLOT - 5), NOW);
    const clock = { wallMs: () => NOW + 1_000, monotonicMs: () => performance.now() };
    const { made } = explainer({ rotating, quiet: [{ source: HOME, hits }], parts: { clock } });
    using timer = spyOn(globalThis, "setTimeout");
    await made.look(() => undefined);
    // 40,000 sequences are five stretches of 2 ms at least.
    expect(timer.mock.calls.length).toBeGreaterThanOrEqual(5);
    for (const [, ms] of timer.mock.calls) expect(ms).toBe(40);
  });

  test("writes ten lines a minute, whoever floods", async () => {
    const lines: string[] = [];
    const { made, clock } = explainer({ quiet: Array.from({ length: 200 }, (_, i) => stale(i)) });
    for (let i = 0; i < 40; i++) {
      expect(await made.look((line) => lines.push(line))).toBe(true);
      clock.nowMs += 1_000;
    }
    expect(lines).toHaveLength(10);
    clock.nowMs += 60_000;
    await made.look((line) => lines.push(line));
    expect(lines).toHaveLength(14);
  });

  test("rests twenty times as long as it worked", async () => {
    let asked = 0;
    const clock = new HandClock();
    const ask = () => {
      asked++;
      clock.nowMs += 100;
      return Promise.resolve([]);
    };
    const { made } = explainer({ parts: { clock, ask } });
    await made.look(() => undefined);
    clock.nowMs += 1_999;
    expect(await made.look(() => undefined)).toBe(true);
    expect(asked).toBe(1);
    clock.nowMs += 1;
    await made.look(() => undefined);
    expect(asked).toBe(2);
  });
});

test("Explainer names the address in canonical text", async () => {
  const address = parseAddress("2001:DB8::0:9")!;
  expect((await explainer({}).made.why(address)).address).toBe(formatAddress(address));
});

test("Explainer.heard() lists the addresses of the last ten minutes, in canonical text", async () => {
  const asked: unknown[] = [];
  const source = parseAddress("2001:DB8::0:9")!;
  const ask = (request: unknown): Promise<unknown> => {
    asked.push(request);
    return Promise.resolve([{ source, knocks: 16, lastMs: NOW + 0.25 }]);
  };
  const { made } = explainer({ parts: { ask: ask as ExplainerParts["ask"] } });
  expect(await made.heard()).toEqual([{ address: "2001:db8::9", knocks: 16, lastMs: NOW }]);
  expect(asked).toEqual([{ type: "heard", sinceMs: NOW + 1_000 - 600_000, most: 20 }]);
});
