/** When doors in use are knocked on again; time and addresses are data here. */

import { describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import type { Route } from "../../../src/agent/routes.ts";
import { UsedDoors } from "../../../src/agent/used-doors.ts";
import { profile } from "./profile.ts";

const TARGET = { address: "192.0.2.1", family: 4 } as const;
const route: Route = {
  name: "home",
  profile: profile("gate.example", ["443/tcp"]),
  to: { host: "gate.example", port: 443 },
};

class World {
  source: string | undefined = "10.0.0.1";
  own = new Set(["10.0.0.1"]);
  readonly knocks: string[] = [];
  readonly ended: string[] = [];

  doors(keepMs?: number): UsedDoors {
    return new UsedDoors(
      {
        sourceOf: () => Promise.resolve(this.source),
        ownAddresses: () => this.own,
        knock: (_, target, why) => {
          this.knocks.push(`${why} ${target.address} from ${this.source}`);
          return Promise.resolve();
        },
      },
      keepMs,
    );
  }

  socket(localAddress: string): Socket {
    return { localAddress, destroy: () => this.ended.push(localAddress) } as unknown as Socket;
  }
}

describe("UsedDoors", () => {
  test("knocks once where the address changes, and not while there is no route", async () => {
    const world = new World();
    const doors = world.doors();
    doors.enter(route, TARGET, world.socket("10.0.0.1"), 0);
    await doors.look(2_000);
    world.source = undefined;
    await doors.look(4_000);
    expect(world.knocks).toEqual([]);
    world.source = "10.9.9.9";
    for (const now of [6_000, 8_000, 100_000]) await doors.look(now);
    expect(world.knocks).toEqual(["moved 192.0.2.1 from 10.9.9.9"]);
  });

  test("does not knock where a connection from the new address stands already", async () => {
    const world = new World();
    const doors = world.doors();
    doors.enter(route, TARGET, world.socket("10.0.0.1"), 0);
    doors.enter(route, TARGET, world.socket("10.9.9.9"), 0);
    world.source = "10.9.9.9";
    await doors.look(2_000);
    expect(world.knocks).toEqual([]);
  });

  test("keeps a door open while it is used, with no more knocks than there are slots", async () => {
    const world = new World();
    const doors = world.doors(5_000);
    const leave = doors.enter(route, TARGET, world.socket("10.0.0.1"), 0);
    const other = doors.enter(route, TARGET, world.socket("10.0.0.1"), 0);
    for (let now = 0; now < 100_000; now += 2_000) await doors.look(now);
    expect(world.knocks.length).toBe(3);
    leave();
    expect(doors.used).toBeTrue();
    other();
    expect(doors.used).toBeFalse();
    await doors.look(200_000);
    expect(world.knocks.length).toBe(3);
  });

  test("leaves a door of one connection alone: a knock is for a dial there", async () => {
    const world = new World();
    const doors = world.doors(5_000);
    const single = { ...route, profile: profile("gate.example", []) };
    doors.enter(single, TARGET, world.socket("10.0.0.1"), 0);
    world.source = "10.9.9.9";
    await doors.look(100_000);
    expect(world.knocks).toEqual([]);
  });

  test("without keepMs time alone knocks nowhere", async () => {
    const world = new World();
    const doors = world.doors();
    doors.enter(route, TARGET, world.socket("10.0.0.1"), 0);
    await doors.look(86_400_000);
    expect(world.knocks).toEqual([]);
  });

  test("ends connections whose address is gone for long, and none whose address came back", async () => {
    const world = new World();
    const doors = world.doors();
    doors.enter(route, TARGET, world.socket("10.0.0.1"), 0);
    world.own = new Set(["10.9.9.9"]);
    await doors.look(0);
    world.own = new Set(["10.0.0.1"]);
    await doors.look(8_000);
    world.own = new Set(["10.9.9.9"]);
    await doors.look(10_000);
    await doors.look(18_000);
    expect(world.ended).toEqual([]);
    await doors.look(20_000);
    expect(world.ended).toEqual(["10.0.0.1"]);
  });
});
