/** When a dial knocks, where to, and whose knock it waits for; the network is data here. */

import { expect, test } from "bun:test";
import { Socket } from "node:net";
import type { KnockProgress } from "../../../src/client/attempts.ts";
import { dial } from "../../../src/client/dial.ts";
import type { KnockDeps } from "../../../src/client/knock-deps.ts";
import { memorySlotStore, type SlotStore } from "../../../src/client/slot-store.ts";
import type { Target } from "../../../src/client/targets.ts";
import type { Profile } from "../../../src/rks/profile-link.ts";

const NOW_MS = 59_000_000 * 30_000 + 10_000;

const PROFILE: Profile = {
  user: "alice",
  host: "gate.example",
  door: "ssh",
  key: new Uint8Array(32).fill(9),
  lo: 20_000,
  hi: 52_767,
  ports: 8,
  stepSeconds: 30,
  proto: "tcp",
  opens: [{ proto: "tcp", from: 22, to: 22 }],
};

/** Names of this network; the first address of each is asked first. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "gate.example": ["2001:db8::1", "192.0.2.1"],
  "lan.example": ["198.51.100.7"],
};

const targetOf = (address: string): Target => ({ address, family: address.includes(":") ? 6 : 4 });

/** The clock and door that several processes of one user share. */
class World {
  nowMs = NOW_MS;
  openFromMs = Infinity;
  readonly slots: SlotStore = memorySlotStore({
    wallMs: () => this.nowMs,
    monotonicMs: () => this.nowMs,
  });
  readonly knockedAt: string[] = [];
  readonly waitedAt: string[] = [];
  readonly progress: KnockProgress["type"][] = [];

  get open(): boolean {
    return this.nowMs >= this.openFromMs;
  }

  pass(ms: number): Promise<void> {
    this.nowMs += ms;
    return Promise.resolve();
  }

  /** `believed`: whether a knock opens the door. */
  deps(believed = true): KnockDeps {
    return {
      clock: { wallMs: () => this.nowMs, monotonicMs: () => this.nowMs },
      slots: this.slots,
      network: {
        findTargets: (host, family) =>
          Promise.resolve(
            NAMES[host]!.map(targetOf).filter(
              (one) => family === undefined || one.family === family,
            ),
          ),
        firstOpen: async ([target]) => {
          const found = this.open ? { target: target!, socket: new Socket() } : undefined;
          await this.pass(20);
          return found;
        },
        sendKnocks: (to) => {
          this.knockedAt.push(to.address);
          if (believed) this.openFromMs = this.nowMs;
          return this.pass(3);
        },
        awaitOpen: async (to, _, timeoutMs) => {
          this.waitedAt.push(to.address);
          const { open } = this;
          await this.pass(open ? 20 : timeoutMs);
          return open ? { socket: new Socket(), answer: "open" } : { answer: "silent" };
        },
        probeBefore: () =>
          Promise.resolve({
            answer: "silent",
            opened: new Promise<Socket>(() => {}),
            end: () => {},
          }),
      },
      sleep: (ms) => this.pass(ms),
      random: () => 0.5,
      report: ({ type }) => this.progress.push(type),
    };
  }
}

const GATE = { host: "gate.example", port: 22 };

test("dial() takes an open port as it is: no knock, no slot", async () => {
  const world = new World();
  world.openFromMs = 0;
  const outcome = await dial(PROFILE, GATE, {}, world.deps());
  expect(outcome).toMatchObject({ state: "open", before: "open", attempts: 0 });
  expect(outcome.socket).toBeInstanceOf(Socket);
  expect([world.knockedAt, world.slots.last(PROFILE)]).toEqual([[], undefined]);
});

test("dial() knocks at a closed port and hands over the connection that answers", async () => {
  const world = new World();
  const outcome = await dial(PROFILE, GATE, {}, world.deps());
  expect(outcome).toMatchObject({ state: "open", before: "silent", attempts: 1, port: 22 });
  expect(outcome.socket).toBeInstanceOf(Socket);
  expect(world.knockedAt).toEqual(["2001:db8::1"]);
});

test("dial() waits for the knock that another process of this user has just sent", async () => {
  const world = new World();
  const slot = Math.floor(NOW_MS / 30_000);
  world.slots.claim(PROFILE, slot);
  await world.pass(100);
  world.openFromMs = world.nowMs + 10; // after the look at the port
  const outcome = await dial(PROFILE, GATE, {}, world.deps());
  expect(outcome).toMatchObject({ state: "open", attempts: 1 });
  expect([world.knockedAt, world.progress, world.slots.last(PROFILE)]).toEqual([
    [],
    ["shared"],
    slot,
  ]);
});

test("dial() knocks by itself where the knock of the other opened nothing, once each in turn", async () => {
  const world = new World();
  const slot = Math.floor(NOW_MS / 30_000);
  world.slots.claim(PROFILE, slot);
  const outcome = await dial(PROFILE, GATE, { timeoutMs: 500 }, world.deps());
  expect(outcome).toMatchObject({ state: "open", attempts: 2 });
  expect(world.progress).toEqual(["shared", "silent", "knocked"]);
  expect(world.slots.last(PROFILE)).toBe(slot + 1);
});

test("dial() leaves an old knock of another process, or one of another time, alone", async () => {
  for (const ago of [-3_600_000, 5_000, 25_000]) {
    const world = new World();
    world.nowMs = NOW_MS - ago;
    world.slots.claim(PROFILE, Math.floor(NOW_MS / 30_000) - 1);
    world.nowMs = NOW_MS;
    await dial(PROFILE, GATE, {}, world.deps());
    expect([ago, ...world.progress]).toEqual([ago, "knocked"]);
  }
});

test("dial() shares no knock at a door that may let in one connection only", async () => {
  const world = new World();
  const single = { ...PROFILE, opens: [] };
  world.slots.claim(single, Math.floor(NOW_MS / 30_000));
  await dial(single, GATE, {}, world.deps());
  expect(world.progress).toEqual(["knocked"]);
});

test("dial() gives up after as many knocks as it may, others' among them", async () => {
  const world = new World();
  world.slots.claim(PROFILE, Math.floor(NOW_MS / 30_000));
  const outcome = await dial(PROFILE, GATE, { tries: 2 }, world.deps(false));
  expect(outcome).toMatchObject({ state: "silent", attempts: 2 });
  expect(world.knockedAt.length).toBe(1);
});

test("dial() knocks on the profile's host alone, over the family by which the destination is reached", async () => {
  const world = new World();
  const outcome = await dial(PROFILE, { host: "lan.example", port: 22 }, {}, world.deps());
  expect(outcome.target.address).toBe("198.51.100.7");
  expect([world.knockedAt, world.waitedAt]).toEqual([["192.0.2.1"], ["198.51.100.7"]]);
});

test("dial() takes another spelling of the profile's host for the same", async () => {
  const world = new World();
  const deps = world.deps();
  let lookedUp = 0;
  const findTargets: typeof deps.network.findTargets = (host, family) => {
    lookedUp++;
    return deps.network.findTargets(host.toLowerCase().replace(/\.$/, ""), family);
  };
  const network = { ...deps.network, findTargets };
  await dial(PROFILE, { host: "Gate.Example.", port: 22 }, {}, { ...deps, network });
  expect(lookedUp).toBe(1);
});
