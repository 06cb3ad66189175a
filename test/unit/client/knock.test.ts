/**
 * When a knock is sent, where and with which ports: clock and network are data here, the wire has
 * tests of its own.
 */

import { expect, test } from "bun:test";
import { Socket } from "node:net";
import type { KnockProgress } from "../../../src/client/attempts.ts";
import { knockFixed } from "../../../src/client/fixed-knock.ts";
import type { KnockDeps } from "../../../src/client/knock-deps.ts";
import { knock, sendingMs } from "../../../src/client/knock.ts";
import { memorySlotStore } from "../../../src/client/slot-store.ts";
import type { Target } from "../../../src/client/targets.ts";
import { messageOf } from "../../../src/core/errors.ts";
import type { Port } from "../../../src/core/port.ts";
import type { Profile } from "../../../src/rks/profile-link.ts";
import { sequencePorts } from "../../../src/rks/sequence.ts";

const STEP_MS = 30_000;
const SLOT = 59_000_000;
/** Ten seconds into SLOT. */
const NOW_MS = SLOT * STEP_MS + 10_000;

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
  opens: [
    { proto: "udp", from: 53, to: 53 },
    { proto: "tcp", from: 22, to: 22 },
  ],
};

interface Sent {
  readonly atMs: number;
  readonly to: string;
  readonly knocks: readonly Port[];
}

interface World {
  readonly deps: KnockDeps;
  readonly sent: Sent[];
  /** Waits for the port: when and where. */
  readonly probes: { readonly atMs: number; readonly to: string; readonly port: number }[];
  /** Looks at the port before anything is sent. */
  readonly looks: { readonly atMs: number; readonly to: string; readonly port: number }[];
  readonly progress: KnockProgress[];
  readonly setClock: (ms: number) => void;
}

const targetOf = (address: string): Target => ({ address, family: address.includes(":") ? 6 : 4 });

/**
 * A network on which the port answers, after 20 ms, as soon as `opens(sent, nowMs)` is true, and
 * otherwise like `closed`.
 */
function world(
  options: {
    readonly addresses?: readonly string[];
    readonly opens?: (sent: readonly Sent[]) => boolean;
    readonly closed?: (sent: readonly Sent[]) => "refused" | "silent";
    readonly nowMs?: number;
  } = {},
): World {
  const { addresses = ["192.0.2.1"], opens = () => false, closed = () => "silent" } = options;
  let nowMs = options.nowMs ?? NOW_MS;
  const sent: Sent[] = [];
  const probes: World["probes"] = [];
  const looks: World["looks"] = [];
  const progress: KnockProgress[] = [];
  const pass = (ms: number) => {
    nowMs += ms;
    return Promise.resolve();
  };
  const deps: KnockDeps = {
    clock: { wallMs: () => nowMs, monotonicMs: () => nowMs },
    slots: memorySlotStore(),
    network: {
      findTargets: (_, family) =>
        Promise.resolve(
          addresses.map(targetOf).filter((each) => family === undefined || each.family === family),
        ),
      sendKnocks: (to, knocks) => {
        sent.push({ atMs: nowMs, to: to.address, knocks });
        return pass(3);
      },
      firstOpen: ([target], port) => {
        looks.push({ atMs: nowMs, to: target!.address, port });
        const found = opens(sent) ? { target: target!, socket: new Socket() } : undefined;
        return pass(20).then(() => found);
      },
      awaitOpen: async (to, port, timeoutMs) => {
        probes.push({ atMs: nowMs, to: to.address, port });
        const open = opens(sent);
        await pass(open ? 20 : timeoutMs);
        return open ? { socket: new Socket(), answer: "open" } : { answer: closed(sent) };
      },
      probeBefore: () =>
        Promise.resolve({
          answer: opens(sent) ? "open" : closed(sent),
          opened: new Promise<Socket>(() => {}),
          end: () => {},
        }),
    },
    sleep: pass,
    random: () => 0.5,
    report: (step) => progress.push(step),
  };
  return { deps, sent, probes, looks, progress, setClock: (ms) => void (nowMs = ms) };
}

/** The slot whose sequence was sent, found by trying slots. */
function slotOf(knocks: readonly Port[]): number | undefined {
  const ports = [...new Set(knocks.map(({ port }) => port))].sort((a, b) => a - b).join();
  for (let slot = SLOT - 200; slot < SLOT + 200; slot++) {
    const due = sequencePorts(PROFILE.key, PROFILE.door, PROFILE, slot);
    if ([...due].sort((a, b) => a - b).join() === ports) return slot;
  }
  return undefined;
}

test("knock() sends the ports of the present slot, waits for the first TCP port and says when it opened", async () => {
  const { deps, sent, probes } = world({ opens: (already) => already.length > 0 });
  const outcome = await knock(PROFILE, {}, deps);
  expect(outcome).toEqual({
    state: "open",
    before: "silent",
    target: { address: "192.0.2.1", family: 4 },
    port: 22,
    attempts: 1,
    elapsedMs: 23,
    sinceKnockMs: 23,
  });
  expect(sent.map(({ knocks }) => slotOf(knocks))).toEqual([SLOT]);
  expect(sent[0]!.knocks.length).toBe(16);
  expect(probes.map(({ port }) => port)).toEqual([22]);
});

test("knock() takes the next slot at once, and waits for the one after that", async () => {
  const { deps, sent, progress } = world();
  const outcome = await knock(PROFILE, { tries: 4 }, deps);
  expect(outcome).toMatchObject({ state: "silent", attempts: 4, port: 22 });
  expect(sent.map(({ knocks, atMs }) => [slotOf(knocks)! - SLOT, atMs - NOW_MS])).toEqual([
    [0, 0],
    [1, 2_003],
    [2, 20_000], // slot 1 begins
    [3, 50_000], // slot 2 begins
  ]);
  expect(progress.map(({ type }) => type).join(" ")).toBe(
    "knocked silent knocked silent waiting knocked silent waiting knocked silent",
  );
});

test("knock() tells how long all of it took, and how long ago the last knock was", async () => {
  const { deps } = world();
  // Two knocks of 2,003 ms, the third 20 s after the first.
  expect(await knock(PROFILE, {}, deps)).toMatchObject({ elapsedMs: 22_003, sinceKnockMs: 2_003 });
});

test("knock() tells a port that refuses after the knock from one that did so before, and waits for no slot then", async () => {
  const seen = async (closed: (sent: readonly Sent[]) => "refused" | "silent") => {
    const { state, before, attempts } = await knock(PROFILE, {}, world({ closed }).deps);
    return { state, before, attempts };
  };
  expect(await seen((sent) => (sent.length > 0 ? "refused" : "silent"))).toEqual({
    state: "refused",
    before: "silent",
    attempts: 2,
  });
  expect(await seen(() => "refused")).toEqual({ state: "refused", before: "refused", attempts: 3 });
});

test("knock() says that the port was open before it", async () => {
  const { deps, sent } = world({ opens: () => true });
  expect(await knock(PROFILE, {}, deps)).toMatchObject({ state: "open", before: "open" });
  expect(sent.length).toBe(1);
});

test("knock() answers the address whose port refuses, not the one that is silent", async () => {
  const { deps } = world({ addresses: ["2001:db8::1", "192.0.2.1"] });
  const awaitOpen = (to: Target) =>
    Promise.resolve({ answer: to.family === 6 ? ("refused" as const) : ("silent" as const) });
  const told = { ...deps, network: { ...deps.network, awaitOpen } };
  expect(await knock(PROFILE, { tries: 2 }, told)).toMatchObject({
    state: "refused",
    target: { address: "2001:db8::1" },
  });
});

test("knock() knocks on each family in turn, each with a slot of its own, the lower first", async () => {
  const { deps, sent } = world({ addresses: ["2001:db8::1", "192.0.2.1"] });
  await knock(PROFILE, {}, deps);
  expect(sent.map(({ to, knocks }) => [to, slotOf(knocks)! - SLOT])).toEqual([
    ["2001:db8::1", 0],
    ["192.0.2.1", 1],
    ["2001:db8::1", 2],
  ]);
});

test("knock() keeps to the family asked for", async () => {
  const { deps, sent } = world({ addresses: ["2001:db8::1", "192.0.2.1"] });
  await knock(PROFILE, { family: 4, tries: 2 }, deps);
  expect(sent.map(({ to }) => to)).toEqual(["192.0.2.1", "192.0.2.1"]);
});

test("knock() answers the address at which the port opened", async () => {
  const { deps } = world({
    addresses: ["2001:db8::1", "192.0.2.1"],
    opens: (sent) => sent.some(({ to }) => to === "192.0.2.1"),
  });
  const outcome = await knock(PROFILE, {}, deps);
  expect(outcome).toMatchObject({ state: "open", attempts: 2, target: { address: "192.0.2.1" } });
});

test("knock() remembers the slots of earlier knocks", async () => {
  const { deps, sent } = world({ opens: () => true });
  await knock(PROFILE, {}, deps);
  await knock(PROFILE, {}, deps);
  await knock({ ...PROFILE, door: "ssh" }, { waitPort: false }, deps);
  expect(sent.map(({ knocks }) => slotOf(knocks)! - SLOT)).toEqual([0, 1, 2]);
});

test("knock() marks a slot used before its first packet leaves", async () => {
  const { deps } = world();
  const seen: (number | undefined)[] = [];
  const sendKnocks = (): Promise<void> => {
    seen.push(deps.slots.last(PROFILE));
    return Promise.reject(new Error("the process dies here"));
  };
  const dying = { ...deps, network: { ...deps.network, sendKnocks } };
  expect(await knock(PROFILE, {}, dying).catch(messageOf)).toBe("the process dies here");
  expect(seen).toEqual([SLOT]);
  expect(deps.slots.last(PROFILE)).toBe(SLOT);
});

test("knock() finds a door still open instead of waiting for a slot", async () => {
  const { deps, sent, progress } = world({ opens: () => true });
  deps.slots.claim(PROFILE, SLOT + 1);
  const outcome = await knock(PROFILE, {}, deps);
  expect(outcome).toMatchObject({ state: "open", attempts: 0, elapsedMs: 20 });
  expect(sent).toEqual([]);
  expect(progress).toEqual([]);
});

test("knock() without a port to wait for sends once and does not probe", async () => {
  const quiet: readonly [Partial<Profile>, { waitPort?: false }][] = [
    [{}, { waitPort: false }],
    [{ opens: [] }, {}],
    [{ opens: [{ proto: "udp", from: 53, to: 53 }] }, {}],
  ];
  for (const [changes, options] of quiet) {
    const { deps, sent, probes } = world();
    const outcome = await knock({ ...PROFILE, ...changes }, options, deps);
    expect(outcome).toMatchObject({ state: "sent", attempts: 1 });
    expect([sent.length, probes.length]).toEqual([1, 0]);
  }
});

test("knock() never goes back to a used slot when the clock is set back, and says the way out", async () => {
  const { deps, sent, setClock } = world({ opens: () => true });
  await knock(PROFILE, {}, deps);
  setClock(NOW_MS - 3_600_000);
  const message = await knock(PROFILE, {}, deps).then(() => "sent", messageOf);
  expect(message).toStartWith(
    "Cannot knock for ssh on gate.example: the last knock from here was 60 minutes ahead of this computer's clock (",
  );
  expect(message).toContain('"sallyport knock --forget PROFILE"');
  expect(sent.length).toBe(1);
  deps.slots.forgetAhead(PROFILE, NOW_MS - 3_600_000);
  expect(await knock(PROFILE, {}, deps)).toMatchObject({ state: "open", attempts: 1 });
  expect(slotOf(sent[1]!.knocks)).toBe(SLOT - 120);
});

test("knock() notices a clock that is set while it waits", async () => {
  const { deps, sent, setClock } = world();
  deps.slots.claim(PROFILE, SLOT + 1);
  let slept = 0;
  const sleep = (ms: number) => {
    if (++slept === 3) setClock(NOW_MS + 600_000);
    return deps.sleep(ms);
  };
  await knock(PROFILE, { waitPort: false }, { ...deps, sleep });
  expect(slept).toBe(3);
  expect(slotOf(sent[0]!.knocks)).toBe(SLOT + 20);
});

test("knock() hands the connection over when asked, and closes it otherwise", async () => {
  const kept = await knock(PROFILE, { keepSocket: true }, world({ opens: () => true }).deps);
  expect(kept.socket?.destroyed).toBe(false);
  const closed = await knock(PROFILE, {}, world({ opens: () => true }).deps);
  expect(closed.socket).toBeUndefined();
});

test("knockFixed() sends its sequence in order, once without a port to wait for", async () => {
  const sequence: Port[] = [
    { proto: "tcp", port: 7000 },
    { proto: "udp", port: 8000 },
    { proto: "tcp", port: 9000 },
  ];
  const { deps, sent } = world({ addresses: ["2001:db8::1", "192.0.2.1"] });
  expect(await knockFixed({ host: "h", sequence }, deps)).toMatchObject({ state: "sent" });
  expect(sent).toEqual([{ atMs: NOW_MS, to: "2001:db8::1", knocks: sequence }]);
});

test("knockFixed() repeats the same sequence while the port is silent", async () => {
  const sequence: Port[] = [{ proto: "tcp", port: 7000 }];
  const { deps, sent } = world({ opens: (already) => already.length === 2 });
  const outcome = await knockFixed({ host: "h", sequence, waitPort: 22 }, deps);
  expect(outcome).toMatchObject({ state: "open", attempts: 2, port: 22 });
  expect(sent.map(({ knocks }) => knocks)).toEqual([sequence, sequence]);
});

test("sendingMs() counts the gaps between two copies of every port", () => {
  expect(sendingMs(PROFILE, 10)).toBe(150);
});
