/** A state folder whose disk is gone under the running daemon: a change of keys begins no new file that locks everybody out. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { GuardedServer } from "../support/guarded-server.ts";
import { portsOf, sendKnocks } from "../support/knocks.ts";
import { Lab } from "../support/lab.ts";
import { run } from "../support/programs.ts";

const SERVER = "10.77.0.1";
const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["*"]
open_for = "1m"
`;

let lab: Lab;
let server: GuardedServer;
/** Where the disk is, and the state folder, which it is mounted over. */
let disk: string;
let state: string;
let mounted: string[] = [];

beforeEach(() => {
  lab = new Lab();
  server = new GuardedServer(lab, DOORS);
  disk = join(server.dir, "disk");
  state = join(server.dir, "state");
});
afterEach(async () => {
  for (const place of mounted.toReversed()) run(["umount", "-l", place], { mayFail: true });
  mounted = [];
  await server[Symbol.asyncDispose]();
  lab[Symbol.dispose]();
});

function mount(place: string, ...how: string[]): void {
  run(["mount", ...how, place]);
  mounted.push(place);
}

/** Mounts the disk with keys of these users, and starts a daemon. `below` is copied: the keys are in the folder below, too. */
async function startOnDisk(
  users: readonly string[],
  { below = false } = {},
): Promise<{ readonly links: readonly string[] }> {
  for (const folder of [disk, state]) mkdirSync(folder, { mode: 0o700 });
  mount(disk, "-t", "tmpfs", "-o", "mode=700", "disk");
  mount(state, "--bind", disk);
  for (const user of users) {
    expect(server.command("user", "add", user, "--host", SERVER).code).toBe(0);
  }
  const links = users.map((user) => server.link(user, "web"));
  if (below) {
    run(["umount", state]);
    cpSync(disk, state, { recursive: true });
    run(["mount", "--bind", disk, state]);
  }
  await server.start();
  return { links };
}

/** For the daemon as well, or not in its own view of the mounts, which a process of the lab has as a service has it. */
function unmount(view: "all" | "ours"): void {
  if (view === "all") run(["nsenter", "-t", String(server.pid), "-m", "umount", "-l", state]);
  run(["umount", "-l", state]);
  mounted = mounted.filter((place) => place !== state);
}

async function opensBy(link: string | undefined): Promise<void> {
  const from = server.log.length;
  sendKnocks(
    lab,
    "client",
    portsOf(link!).map((port) => ({ to: SERVER, port })),
  );
  await server.waitForLog(/Opened web .* by /, from);
}

describe("beside a daemon whose state disk is unmounted", () => {
  test("user add and user remove refuse, and change nothing: everybody would lose his key", async () => {
    const { links } = await startOnDisk(["alice"]);
    unmount("all");
    expect(existsSync(join(state, "keys.toml"))).toBe(false);
    const gone = `${state}/keys.toml is not there (is the disk of ${state} mounted?)`;
    const said = `sallyport: Cannot take the keys: ${gone}: put it back, or run "sallyport reload" if that is meant; nothing was changed\n`;
    const add = ["user", "add", "bob", "--host", SERVER];
    const leave = ["user", "remove", "bob"];
    const last = ["user", "remove", "alice"];
    for (const argv of [add, [...add, "--if-missing"], leave, [...leave, "--yes"], last]) {
      expect(server.command(...argv)).toEqual({ code: 1, out: "", err: said });
    }
    expect(existsSync(join(state, "keys.toml"))).toBe(false);
    await opensBy(links[0]);
    // What it writes into the folder below is its own: it ended, and began anew without a key.
    await server.waitForLog(/uses\.db was deleted or replaced/);
    // Whoever says that it is meant, is believed.
    expect(server.command("status").out).toContain(`${gone}: put it back`);
    expect(server.command("reload").err).toContain(
      `everybody who can open web now would lose it: ${gone}\n`,
    );
    expect(server.command("reload", "--yes").code).toBe(0);
    expect(server.command(...add).err).toEndWith(
      "The running daemon took the key: it opens its doors from now on\n",
    );
  });

  test("user add refuses where the daemon goes on with the disk in a view of its own", async () => {
    const { links } = await startOnDisk(["alice"]);
    unmount("ours");
    expect(server.command("user", "add", "bob", "--host", SERVER)).toEqual({
      code: 1,
      out: "",
      err:
        `sallyport: Cannot change ${state}/keys.toml: the running daemon finds another file by that name, as where a disk was ` +
        `mounted or unmounted since it started: mount the disk of ${state} again, or start the daemon again if this folder is ` +
        "the right one; nothing was changed\n",
    });
    expect(existsSync(join(state, "keys.toml"))).toBe(false);
    await opensBy(links[0]);
  });

  test("user add and user remove refuse there also where the folder below holds the same keys", async () => {
    const { links } = await startOnDisk(["alice", "bob"], { below: true });
    unmount("ours");
    for (const argv of [
      ["user", "add", "carol", "--host", SERVER],
      ["user", "remove", "alice"],
      ["user", "remove", "alice", "--yes"],
    ]) {
      const { code, err } = server.command(...argv);
      expect([code, err]).toEqual([1, expect.stringContaining("finds another file by that name")]);
    }
    expect(server.command("user", "list").out).toContain("alice");
    await opensBy(links[0]);
  });

  test("the daemon goes on each time, also beside what it wrote into the folder below before", async () => {
    const { links } = await startOnDisk(["alice", "bob"]);
    for (const link of links) {
      const from = server.log.length;
      unmount("all");
      await opensBy(link);
      await server.waitForLog(/uses\.db was deleted or replaced/, from);
      expect(server.command("status").code).toBe(0);
      await server.stop();
      expect(readdirSync(state)).toContain("uses.db");
      mount(state, "--bind", disk);
      await server.start();
    }
  });
});
