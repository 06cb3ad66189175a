/**
 * Commands of doors: one at the opening, its counterpart exactly once at the end, whichever process
 * dies in between.
 */

import { describe, expect, test } from "bun:test";
import type { Door } from "../../../../src/config/settings.ts";
import type { DaemonEvent } from "../../../../src/core/events.ts";
import { Counters } from "../../../../src/core/counters.ts";
import { type Grant, placeId } from "../../../../src/core/grant.ts";
import type { Command } from "../../../../src/control-plane/commands/command-queue.ts";
import { DoorCommands } from "../../../../src/control-plane/commands/door-commands.ts";
import type { CommandEnd } from "../../../../src/core/command-end.ts";
import { OwedCommands } from "../../../../src/store/owed.ts";
import { grantOf, NOW, opened, StateFolder } from "../../../support/store.ts";
import { doorOf, fixedDoorOf } from "../../../support/daemon.ts";

const RUN = {
  open: ["/bin/lights", "on", "{user}/{device}", "{address}", "{family}", "{door}"],
  close: ["/bin/lights", "off", "{address}"],
  privileged: false,
};
const DOORS = [doorOf({ run: RUN })];
const GRANT = grantOf("203.0.113.7");
const ON = "/bin/lights on alice/laptop 203.0.113.7 4 ssh";
const OFF = "/bin/lights off 203.0.113.7";

const renewal = (grant = GRANT) =>
  ({ type: "grant.opened", atMs: NOW, grant, renewed: true, source: grant.address }) as const;
const closed = (grant: Grant = GRANT) =>
  ({ type: "grant.closed", atMs: NOW, grant, reason: "expired" }) as const;

/** A moment at which both clocks show the same. */
const at = (ms: number) => ({ wallMs: ms, monotonicMs: ms });

/** One life of the daemon in a state folder; `starts`: whether its commands get as far as starting. */
function live(folder: StateFolder, { starts = true } = {}) {
  const owed = new OwedCommands(folder.path, { nowMs: NOW, report: folder.report });
  const added: Command[] = [];
  const ends: CommandEnd[] = [];
  const queue = {
    add: (command: Command) => {
      added.push(command);
      command.owed?.begin();
      if (starts) command.owed?.settle();
      return true;
    },
  };
  const counters = new Counters();
  const behind: (readonly string[])[] = [];
  const commands = new DoorCommands({
    queue,
    owed,
    counters,
    behind: (doors) => behind.push(doors),
    ended: (end) => ends.push(end),
  });
  const ran = () => added.map(({ argv }) => argv.join(" "));
  return { owed, added, ends, commands, ran, counters, behind, die: () => owed.close() };
}

describe("DoorCommands", () => {
  test("hear() runs both commands in one chain, with the facts of the grant", () => {
    using folder = new StateFolder();
    const { commands, ran, added, ends, die } = live(folder);
    commands.hear(opened(NOW), DOORS);
    commands.hear(closed(), DOORS);
    commands.hear(closed(), DOORS);
    expect(ran()).toEqual([ON, OFF]);
    expect(added.map(({ chain, what, privileged }) => [chain, what, privileged])).toEqual(
      ["open", "close"].map((which) => [placeId(GRANT), `ssh and 203.0.113.7 (${which})`, false]),
    );
    for (const { ended } of added) ended?.("exited with 0");
    const end = { door: "ssh", address: "203.0.113.7", program: "/bin/lights", privileged: false };
    expect(ends).toEqual([
      { ...end, command: "open", outcome: "exited with 0" },
      { ...end, command: "close", outcome: "exited with 0" },
    ]);
    expect(added[1]!.tell?.("exited with 4")).toBe(
      "exited with 4: it ran without privileges (door.ssh.run.privileged)",
    );
    die();
  });

  test("hear() runs no command again for a renewal, and one close for all of it", () => {
    using folder = new StateFolder();
    const { commands, ran, die } = live(folder);
    commands.hear(opened(NOW), DOORS);
    for (let i = 1; i <= 3; i++) commands.hear(renewal(), DOORS);
    commands.hear(closed(), DOORS);
    expect(ran()).toEqual([ON, OFF]);
    die();
  });

  test("hear() runs one command for the first holder of an address and one for the last", () => {
    using folder = new StateFolder();
    const { commands, ran, die } = live(folder);
    const bobs = grantOf("203.0.113.7", { user: "bob", expiresMs: GRANT.expiresMs - 1 });
    commands.hear(opened(NOW), DOORS);
    commands.hear({ ...opened(NOW, bobs), shared: true } as DaemonEvent, DOORS);
    commands.hear({ ...closed(), shared: true }, DOORS);
    expect(ran()).toEqual([ON]);
    commands.hear(closed(bobs), DOORS);
    expect(ran()).toEqual([ON, OFF]);
    die();
  });

  test("hear() runs the close command of the opening, whatever a reload made of the door", () => {
    const other = [doorOf({ run: { ...RUN, close: ["/bin/other"] } })];
    for (const doors of [[], [doorOf()], other] satisfies Door[][]) {
      using folder = new StateFolder();
      const { commands, ran, die } = live(folder);
      commands.hear(opened(NOW), DOORS);
      commands.hear(closed(), doors);
      expect(ran()).toEqual([ON, OFF]);
      die();
    }
  });

  test("hear() tells family 6 of a /64, and leaves doors without commands alone", () => {
    using folder = new StateFolder();
    const { commands, ran, die } = live(folder);
    commands.hear(opened(NOW, grantOf("2001:db8:0:7::/64", { via: "rotating" })), DOORS);
    commands.hear(opened(NOW, grantOf("203.0.113.9", { door: "web" })), DOORS);
    expect(ran()).toEqual(["/bin/lights on alice/laptop 2001:db8:0:7::/64 6 ssh"]);
    die();
  });

  test("adopt() owes for a living grant whose opening nobody lived to record", () => {
    using folder = new StateFolder();
    const { commands, ran, owed, die } = live(folder);
    commands.adopt([GRANT, grantOf("203.0.113.8")], DOORS, at(NOW));
    expect(ran()).toEqual([]);
    die();
    const after = live(folder);
    after.commands.adopt([GRANT], DOORS, at(NOW));
    after.commands.hear(closed(), DOORS);
    expect(after.ran()).toEqual([OFF]);
    expect(owed.living().map(({ address }) => address)).toEqual(["203.0.113.7", "203.0.113.8"]);
    after.die();
  });

  test("adopt() leaves the debt of a living grant until its end is told", () => {
    using folder = new StateFolder();
    const before = live(folder);
    before.commands.hear(opened(NOW), DOORS);
    before.die();
    const { commands, ran, die } = live(folder);
    commands.adopt([GRANT], DOORS, at(NOW));
    commands.payDue(GRANT.expiresMs + 60_000);
    expect(ran()).toEqual([]);
    commands.hear(closed(), []);
    expect(ran()).toEqual([OFF]);
    die();
  });

  test("payDue() pays once for a grant that ended while no daemon ran, not before its time", () => {
    using folder = new StateFolder();
    const before = live(folder);
    before.commands.hear(opened(NOW), DOORS);
    const renewed = { ...GRANT, expiresMs: NOW + 50_000 };
    before.commands.hear(renewal(renewed), DOORS);
    before.die();
    const { commands, ran, die } = live(folder);
    commands.adopt([], DOORS, at(NOW + 49_999));
    expect(commands.payDue(NOW + 49_999)).toBe(true);
    expect(ran()).toEqual([]);
    for (const lateMs of [0, 0, 1_000]) {
      expect(commands.payDue(renewed.expiresMs + lateMs)).toBe(false);
    }
    expect(ran()).toEqual([OFF]);
    die();
    const after = live(folder);
    after.commands.adopt([], DOORS, at(NOW + 90_000));
    expect(after.ran()).toEqual([]);
    after.die();
  });

  test("payDue() waits no longer than the grant had to live, wherever the clock was set meanwhile", () => {
    using folder = new StateFolder();
    const before = live(folder);
    before.commands.hear(opened(NOW), DOORS);
    before.die();
    const { commands, ran, die } = live(folder);
    const lifeMs = GRANT.expiresMs - NOW;
    commands.adopt([], DOORS, { wallMs: NOW - 3_600_000, monotonicMs: 0 });
    expect(commands.payDue(lifeMs - 1)).toBe(true);
    expect(ran()).toEqual([]);
    expect(commands.payDue(lifeMs)).toBe(false);
    expect(ran()).toEqual([OFF]);
    die();
  });

  test("payDue() leaves the debt of a grant that was opened again until that ends", () => {
    using folder = new StateFolder();
    const before = live(folder);
    before.commands.hear(opened(NOW), DOORS);
    before.die();
    const { commands, ran, die } = live(folder);
    commands.adopt([], DOORS, at(NOW + 1_000));
    const again = { ...GRANT, expiresMs: NOW + 50_000 };
    commands.hear(opened(NOW + 20_000, again), DOORS);
    expect(commands.payDue(GRANT.expiresMs + 10_000)).toBe(false);
    expect(ran()).toEqual([ON]);
    commands.hear(closed(again), DOORS);
    expect(ran()).toEqual([ON, OFF]);
    die();
  });

  test("adopt() pays again what a daemon claimed and died before starting, and says so", () => {
    using folder = new StateFolder();
    const before = live(folder, { starts: false });
    before.commands.hear(opened(NOW), DOORS);
    before.commands.hear(closed(), DOORS);
    before.die();
    const { commands, added, ran, die } = live(folder);
    commands.adopt([], DOORS, at(GRANT.expiresMs));
    expect(ran()).toEqual([OFF]);
    expect(added[0]?.what).toBe("ssh and 203.0.113.7 (close), which may have run before");
    die();
  });

  test.each(["recorded", "unrecorded"])(
    "adopt() leaves what is due to the end of a grant that was opened since, %s",
    (how) => {
      using folder = new StateFolder();
      const before = live(folder, { starts: false });
      before.commands.hear(opened(NOW), DOORS);
      before.commands.hear(closed(), DOORS);
      if (how === "recorded") before.commands.hear(opened(NOW + 500), DOORS);
      before.die();
      const { commands, ran, owed, die } = live(folder);
      commands.adopt([GRANT], DOORS, at(NOW + 1_000));
      expect([ran(), owed.dueCount]).toEqual([[], 0]);
      commands.hear(closed(), DOORS);
      expect(ran()).toEqual([OFF]);
      die();
    },
  );

  test.each(["recorded", "unrecorded"])(
    "adopt() pays what is due to another holder than the one who opened since, %s",
    (how) => {
      using folder = new StateFolder();
      const run = { privileged: false, close: ["/bin/close", "{address}", "{user}"] };
      const doors = [doorOf({ name: "ssh", run })];
      const [alice, bob] = ["alice", "bob"].map((user) =>
        grantOf("203.0.113.7", { door: "ssh", via: "rotating", user, device: "laptop" }),
      );
      const before = live(folder, { starts: false });
      before.commands.hear(opened(NOW, alice), doors);
      before.commands.hear(closed(alice), doors);
      if (how === "recorded") before.commands.hear(opened(NOW + 500, bob), doors);
      before.die();
      const { commands, ran, die } = live(folder);
      commands.adopt([bob!], doors, at(NOW + 1_000));
      expect(ran()).toEqual(["/bin/close 203.0.113.7 alice"]);
      commands.hear(closed(bob), doors);
      expect(ran().at(-1)).toBe("/bin/close 203.0.113.7 bob");
      die();
    },
  );

  test("adopt() pays at once what an earlier daemon did not come to, whenever it was to end", () => {
    using folder = new StateFolder();
    const owed = new OwedCommands(folder.path, { nowMs: NOW, report: folder.report });
    const { grant, door, address } = { grant: placeId(GRANT), door: "ssh", address: GRANT.address };
    owed.owe({ grant, door, address, argv: ["/bin/x"], privileged: false, endsMs: NOW + 60_000 });
    owed.end(grant);
    owed.close();
    const { commands, added, ran, die } = live(folder);
    commands.adopt([], DOORS, at(NOW));
    expect(ran()).toEqual(["/bin/x"]);
    expect(added[0]?.what).toBe("ssh and 203.0.113.7 (close)");
    die();
  });

  test("tells how many close commands are due, and of fixed doors that owe as many as may hold them", () => {
    using folder = new StateFolder();
    const doors = [fixedDoorOf({ run: RUN, maxGrants: 4 }), ...DOORS];
    const { commands, added, counters, behind, die } = live(folder, { starts: false });
    for (let i = 0; i < 6; i++) {
      const facts = { door: i < 5 ? "legacy" : "ssh", via: "fixed" } as const;
      const grant = grantOf(`203.0.113.${i}`, facts);
      commands.hear(opened(NOW, grant), doors);
      commands.hear(closed(grant), doors);
    }
    expect(counters.get("closesOwed")).toBe(6);
    expect(behind).toEqual([["legacy"]]);
    const closes = added.filter(({ owed }) => owed !== undefined);
    for (const { owed } of closes.slice(0, 2)) owed?.settle();
    expect(behind).toHaveLength(1);
    closes[2]?.owed?.settle();
    expect(behind).toEqual([["legacy"], []]);
    for (const { owed } of closes.slice(3)) owed?.settle();
    expect(counters.get("closesOwed")).toBe(0);
    die();
  });
});
