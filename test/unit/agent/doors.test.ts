/** Who knocks where many dial at once; the network is data here. */

import { expect, test } from "bun:test";
import { Socket } from "node:net";
import { DialError } from "../../../src/agent/dial-error.ts";
import { Doors } from "../../../src/agent/doors.ts";
import type { Route } from "../../../src/agent/routes.ts";
import type { KnockDeps } from "../../../src/client/knock-deps.ts";
import { memorySlotStore } from "../../../src/client/slot-store.ts";
import { SallyportError } from "../../../src/core/errors.ts";
import { profile } from "./profile.ts";

const CLOCK = { wallMs: () => 1_770_000_000_000, monotonicMs: () => 0 };

/** A server whose doors open when told to, and a clock that stands still. */
class World {
  open = false;
  /** The answer of a closed port. */
  closed: "silent" | "refused" = "silent";
  knocks = 0;
  looks = 0;
  /** Whether a knock opens the door. */
  believed = true;
  /** Resolves for those who wait for the knock under way. */
  readonly #answer = Promise.withResolvers<void>();

  answer(): void {
    this.#answer.resolve();
  }

  readonly deps: KnockDeps = {
    clock: CLOCK,
    slots: memorySlotStore(CLOCK),
    network: {
      findTargets: (host) =>
        host === "nowhere.example"
          ? Promise.reject(new SallyportError("Cannot look up nowhere.example"))
          : Promise.resolve([{ address: "192.0.2.1", family: 4 }]),
      firstOpen: ([target]) => {
        this.looks++;
        return Promise.resolve(this.open ? { target: target!, socket: new Socket() } : undefined);
      },
      sendKnocks: () => {
        this.knocks++;
        return Promise.resolve();
      },
      awaitOpen: async () => {
        await this.#answer.promise;
        this.open = this.believed;
        return this.open ? { socket: new Socket(), answer: "open" } : { answer: this.closed };
      },
      probeBefore: () =>
        Promise.resolve({ answer: this.closed, opened: new Promise<Socket>(() => {}), end() {} }),
    },
    sleep: () => Promise.resolve(),
    random: () => 0.5,
    report: () => {},
  };
}

const route = (opens: readonly string[] = ["443/tcp"], host = "gate.example"): Route => ({
  name: "home",
  profile: profile(host, opens),
  to: { host, port: 443 },
});

test("Doors.connect() takes an open port as it is", async () => {
  const world = new World();
  world.open = true;
  const { socket, outcome } = await new Doors({}, world.deps).connect(route());
  expect(socket).toBeInstanceOf(Socket);
  expect([outcome.attempts, world.knocks]).toEqual([0, 0]);
});

test("Doors.connect() knocks once for all that find a door closed, and gives each its own connection", async () => {
  const world = new World();
  const doors = new Doors({}, world.deps);
  const dials = Array.from({ length: 50 }, () => doors.connect(route()));
  await Bun.sleep(0);
  world.answer();
  const sockets = new Set((await Promise.all(dials)).map(({ socket }) => socket));
  expect([sockets.size, world.knocks]).toEqual([50, 1]);
});

test("Doors.connect() fails for all whose knock opened nothing, with one knock and one reason", async () => {
  for (const closed of ["silent", "refused"] as const) {
    const world = new World();
    world.believed = false;
    world.closed = closed;
    const doors = new Doors({ tries: 1 }, world.deps);
    const dials = Array.from({ length: 10 }, () =>
      doors.connect(route()).catch((error: unknown) => error),
    );
    await Bun.sleep(0);
    world.answer();
    const errors = (await Promise.all(dials)) as DialError[];
    expect(new Set(errors.map(({ kind }) => kind))).toEqual(new Set([closed]));
    expect(new Set(errors.map(({ message }) => message)).size).toBe(1);
    expect(errors[0]!.message).toMatch(/^Cannot (open|reach) ssh on gate\.example: 1 knock sent/);
    expect(world.knocks).toBe(1);
    // The next dial may find the server mended, and does not wait for what opened nothing.
    world.believed = true;
    expect((await doors.connect(route())).outcome.attempts).toBe(1);
    expect(world.knocks).toBe(2);
  }
});

test("Doors.connect() knocks by itself where the knock before could not be sent", async () => {
  const world = new World();
  const { sendKnocks } = world.deps.network;
  const doors = new Doors({ tries: 1 }, world.deps);
  world.deps.network.sendKnocks = () => Promise.reject(new SallyportError("No route"));
  expect(await doors.connect(route()).catch(String)).toContain("No route");
  world.deps.network.sendKnocks = sendKnocks;
  world.answer();
  expect((await doors.connect(route())).outcome.attempts).toBe(1);
  expect(world.knocks).toBe(1);
});

test("Doors.connect() knocks for each dial where a knock may let in one connection only", async () => {
  const world = new World();
  const doors = new Doors({}, world.deps);
  const dials = Array.from({ length: 2 }, () => doors.connect(route([])));
  await Bun.sleep(0);
  world.answer();
  await Promise.all(dials);
  expect(world.knocks).toBe(2);
});

test("Doors.connect() tells a name without an address as a failure, with its reason", async () => {
  const failed = await new Doors({}, new World().deps)
    .connect(route(["443/tcp"], "nowhere.example"))
    .catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(DialError);
  expect(failed).toMatchObject({ kind: "failed", message: "Cannot look up nowhere.example" });
});
